import { lastValueFrom, of, toArray } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { pollUntilTerminal } from 'rx-video-tasks';
import { queuedTask, scriptedQuery } from 'rx-video-tasks/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { letters, listen } from '../operators/polls.js';

// As an application has it: made once, used by every test, under every clock.
const poll = pollUntilTerminal({ interval: 20, minInterval: 20 });
const statuses = ({ query }: ReturnType<typeof scriptedQuery>) =>
  lastValueFrom(query('task').pipe(poll, toArray()), { defaultValue: [] });

/** A virtual run that is cut off at a frame, with polls waiting. */
function diesAt(frame: number, how: 'throw' | 'maxFrames' | 'assert') {
  const scheduler = new TestScheduler((actual, expected) => {
    expect(actual).toEqual(expected);
  });
  const run = () => {
    scheduler.run(({ expectObservable, flush }) => {
      scheduler.maxFrames = how === 'maxFrames' ? frame : 1_000;
      const { query } = scriptedQuery(['q']);
      if (how === 'assert') expectObservable(query('task').pipe(poll), `${frame}ms ^ 500ms !`).toBe('never');
      else query('task').pipe(poll).subscribe();
      if (how !== 'throw') return;
      scheduler.schedule(() => {
        throw new Error('died');
      }, frame);
      flush();
    });
  };
  if (how === 'maxFrames') run();
  else expect(run).toThrow();
}

describe.each([0, 5, 12, 30])('a virtual run that dies at frame %i', (frame) => {
  test.each(['throw', 'maxFrames', 'assert'] as const)(
    'by %s disturbs neither the next run nor real time',
    async (how) => {
      diesAt(frame, how);

      new TestScheduler((actual, expected) => {
        expect(actual).toEqual(expected);
      }).run(({ expectObservable }) => {
        const { query } = scriptedQuery(['q', 'p', 's']);
        expectObservable(query('task').pipe(poll)).toBe('-q 20ms -p 20ms -(s|)', letters);
      });

      const real = await statuses(scriptedQuery(['q', 'p', 's']));
      expect(real.map(({ status }) => status)).toEqual(['queued', 'processing', 'completed']);
    },
  );
});

test('a virtual run in the middle of real polling', async () => {
  const real = statuses(scriptedQuery(['q', 'p', 'q', 's']));
  await new Promise((resolve) => setTimeout(resolve, 10));
  new TestScheduler((actual, expected) => {
    expect(actual).toEqual(expected);
  }).run(({ expectObservable }) => {
    const { query } = scriptedQuery(['q', 'p', 's']);
    expectObservable(query('task').pipe(poll)).toBe('-q 20ms -p 20ms -(s|)', letters);
  });
  expect((await real).map(({ status }) => status)).toEqual(['queued', 'processing', 'queued', 'completed']);
});

describe('with fake timers', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] }));
  afterEach(() => vi.useRealTimers());

  test('waits are exact and nothing is left', () => {
    const started = Date.now();
    const { query, log } = scriptedQuery(['q', 'p', 's']);
    const seen: string[] = [];
    listen(query('task').pipe(pollUntilTerminal()), ({ status }) => seen.push(status));
    vi.advanceTimersByTime(120_000);
    expect(seen).toEqual(['queued', 'processing', 'completed']);
    expect(log.map(({ at }) => at - started)).toEqual([0, 1, 30_002, 30_003, 60_004, 60_005]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a consumer that leaves takes the timer with it, while it waits and in flight', () => {
    for (const script of ['q', 'never'] as const) {
      const { query, log } = scriptedQuery([script]);
      const subscription = query('task').pipe(pollUntilTerminal()).subscribe();
      vi.advanceTimersByTime(5_000);
      expect(vi.getTimerCount()).toBeGreaterThan(0);
      subscription.unsubscribe();
      expect(vi.getTimerCount()).toBe(0);
      expect(log.at(-1)?.type).toBe(script === 'q' ? 'answer' : 'abort');
    }
  });

  test('a poll left behind by other timers does not hold up the next one', () => {
    const shared = pollUntilTerminal();
    of(queuedTask()).pipe(shared).subscribe();
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
    const { query } = scriptedQuery(['q', 's']);
    const seen: string[] = [];
    listen(query('task').pipe(shared), ({ status }) => seen.push(status));
    vi.advanceTimersByTime(31_000);
    expect(seen).toEqual(['queued', 'completed']);
  });

  test('a subscriber that throws does not stop the others', () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date', 'setTimeout'] });
    const shared = pollUntilTerminal();
    const { query } = scriptedQuery({ a: ['q'], b: ['q', 'p', 's'] });
    const seen: string[] = [];
    listen(query('a').pipe(shared), () => {
      throw new Error('oops');
    });
    listen(query('b').pipe(shared), ({ status }) => seen.push(status));
    for (let n = 0; n < 10; n++) expectOops(() => vi.advanceTimersByTime(10_000));
    expect(seen).toEqual(['queued', 'processing', 'completed']);
  });
});

/** RxJS rethrows what a consumer throws in a timer of its own. */
function expectOops(run: () => void): void {
  try {
    run();
  } catch (error) {
    expect(error).toEqual(new Error('oops'));
  }
}
