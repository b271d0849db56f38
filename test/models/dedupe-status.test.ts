import fc from 'fast-check';
import { from, Subject } from 'rxjs';
import { dedupeStatus, isTerminal, type DedupeOptions, type TrackedTask } from 'rx-video-tasks';
import { lostTask, queuedTask, marbleTasks, unknownTask } from 'rx-video-tasks/testing';
import { expect, test } from 'vitest';
import { listen } from '../operators/polls.js';
import { repetitions } from '../repetitions.js';

/** All that three tasks can say; two of them differ in the provider alone. */
const words: readonly TrackedTask[] = [
  { id: 'a', provider: 'one' },
  { id: 'a', provider: 'two' },
  { id: 'b', provider: 'one' },
].flatMap((who) => [
  ...Object.values(marbleTasks(who)),
  ...Object.values(marbleTasks({ ...who, progress: 0 })),
  ...Object.values(marbleTasks({ ...who, progress: 50 })),
  queuedTask({ ...who, rawStatus: 'waiting' }),
  unknownTask({ ...who, rawStatus: 'thinking' }),
  lostTask(who),
]);

/** Running states come more often than ends, or most sequences would be over before they begin. */
const word = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...words.filter((task) => task.status !== 'lost' && !isTerminal(task))) },
  { weight: 1, arbitrary: fc.constantFrom(...words) },
);
const sequence = fc.array(word, { maxLength: 15 });

/** What the operator should pass, judged of each answer by looking back at all that came before it. */
function changes(tasks: readonly TrackedTask[], by: 'progress' | 'status'): TrackedTask[] {
  const content = ({ status, rawStatus, progress }: Exclude<TrackedTask, { status: 'lost' }>) =>
    by === 'status' ? status : JSON.stringify([status, progress, status === 'unknown' && rawStatus]);
  return tasks.filter((task, nth) => {
    if (task.status === 'lost') return true;
    const before = tasks.slice(0, nth).filter(({ id, provider }) => id === task.id && provider === task.provider);
    if (before.some(isTerminal)) return false;
    const last = before.at(-1);
    return isTerminal(task) || last === undefined || last.status === 'lost' || content(last) !== content(task);
  });
}

function passed(tasks: readonly TrackedTask[], options: DedupeOptions): TrackedTask[] {
  const answers = new Subject<TrackedTask>();
  const seen: TrackedTask[] = [];
  listen(answers.pipe(dedupeStatus(options)), (task) => seen.push(task));
  for (const task of tasks) answers.next(task);
  return seen;
}

const same = (left: readonly TrackedTask[], right: readonly TrackedTask[]) =>
  left.length === right.length && left.every((task, nth) => task === right[nth]);

test('random sequences of answers about three tasks: what passes is what a look back finds changed', () => {
  const by = fc.constantFrom('progress' as const, 'status' as const);
  fc.assert(
    fc.property(sequence, by, (answers, by) => same(passed(answers, { by }), changes(answers, by))),
    { numRuns: repetitions(100_000) },
  );
});

test('what passes of a task does not depend on which other tasks it is merged with, nor in which order', () => {
  const aboutOne = ({ id, provider }: TrackedTask) => id === 'a' && provider === 'one';
  fc.assert(
    fc.property(sequence, (answers) =>
      same(passed(answers, {}).filter(aboutOne), passed(answers.filter(aboutOne), {})),
    ),
    { numRuns: repetitions(20_000) },
  );
});

test('deduping what is deduped changes nothing', () => {
  fc.assert(
    fc.property(sequence, (answers) => {
      const once: TrackedTask[] = [];
      const twice: TrackedTask[] = [];
      listen(from(answers).pipe(dedupeStatus()), (task) => once.push(task));
      listen(from(once).pipe(dedupeStatus()), (task) => twice.push(task));
      expect(twice).toEqual(once);
    }),
    { numRuns: repetitions(2_000) },
  );
});
