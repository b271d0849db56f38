import {
  asyncScheduler,
  concat,
  defer,
  ignoreElements,
  isObservable,
  map,
  NEVER,
  tap,
  timer,
  type Observable,
} from 'rxjs';
import { isQueryError, type QueryError, type QueryErrorKind } from '../errors.js';
import { checkDuration, checkOptions, show } from '../options.js';
import type { TaskStatus } from '../task.js';
import type { MarbleTasks } from './marble-tasks.js';
import { isTaskStatus, type ScriptTask } from './tasks.js';

/**
 * What happens at one query. A letter, a status or the fields of a task: that task is the answer. The kind of a
 * QueryError, or one of your own: the query errors with it. `empty`: it completes without an answer; `never`: it hangs.
 * An Observable: it is subscribed to, without `latency`.
 */
export type ScriptStep<Answer> =
  keyof MarbleTasks | TaskStatus | ScriptTask | QueryErrorKind | QueryError | 'empty' | 'never' | Observable<Answer>;

/**
 * The steps of each task by its id, or one list for whatever id: then each id goes through it on its own. Each query
 * takes the next step; the last one repeats. An id that is not there is not found.
 */
export type Script<Step> = readonly Step[] | Readonly<Record<string, readonly Step[]>>;

/** How a script is played. */
export interface ScriptOptions {
  /**
   * How many ms a query takes; or a function that returns it for each. The query completes one ms after its answer,
   * like the diagram `-q|`: so a configured wait reads literally, as in `-q 30s -p 30s -(s|)`.
   * @default 1
   */
  readonly latency?:
    | number
    | ((query: { readonly id: string; /** 1 for the first query of this id. */ readonly nth: number }) => number);
}

/** What happened to a query, and when: in virtual, faked or real ms of `asyncScheduler.now()`. */
export interface ScriptEvent {
  /** `miss`: it errored, or completed without an answer. `abort`: it was unsubscribed from before either. */
  readonly type: 'request' | 'answer' | 'miss' | 'abort';
  /** The id of the task. */
  readonly id: string;
  /** When it happened, in ms of `asyncScheduler.now()`: virtual, faked or real. */
  readonly at: number;
}

const LETTERS = {
  q: 'queued',
  p: 'processing',
  u: 'unknown',
  s: 'completed',
  f: 'failed',
  c: 'cancelled',
} as const satisfies Record<keyof MarbleTasks, TaskStatus>;

const KINDS = {
  unauthorized: true,
  forbidden: true,
  'not-found': true,
  'rate-limited': true,
  server: true,
  network: true,
  timeout: true,
  malformed: true,
  misconfigured: true,
  expired: true,
} as const satisfies Record<QueryErrorKind, true>;

/** What a step comes down to, once letters and words are read. */
export type Turn<Extra> =
  { readonly task: ScriptTask } | { readonly error: QueryErrorKind | QueryError } | { readonly extra: Extra };

/**
 * Plays a script: each subscription to `play(id, perform)` is the next step of that id. `perform` makes an answer of a
 * step, or throws; `isExtra` recognises the steps that only this kind of script has.
 */
export function playScript<Answer, Extra = never>(
  caller: string,
  script: Script<ScriptStep<Answer> | Extra>,
  options: ScriptOptions,
  optionNames: readonly string[],
  isExtra: (step: unknown) => step is Extra = (_step): _step is Extra => false,
): {
  readonly play: (id: string, perform: (turn: Turn<Extra>) => Answer) => Observable<Answer>;
  readonly log: readonly ScriptEvent[];
} {
  checkOptions(caller, `${caller}(script, { latency })`, options, optionNames);
  const { latency = 1 } = options;
  type Step = ScriptStep<Answer> | Extra;
  const read = (step: Step): Turn<Extra> | Observable<Answer> | 'empty' | 'never' => {
    if (isObservable(step)) return step;
    if (isExtra(step)) return { extra: step };
    if (step === 'empty' || step === 'never') return step;
    if (isQueryError(step)) return { error: step };
    if (typeof step === 'string') {
      if (Object.hasOwn(KINDS, step)) return { error: step as QueryErrorKind };
      const status = Object.hasOwn(LETTERS, step) ? LETTERS[step as keyof typeof LETTERS] : step;
      if (isTaskStatus(status)) return { task: { status } };
    } else if (isTaskStatus((step as ScriptTask | undefined)?.status)) return { task: step };
    throw new TypeError(
      `script: ${show(step)} is no step; write a letter of ${Object.keys(LETTERS).join(', ')}, a status, a task, the kind of a QueryError, 'empty', 'never' or an Observable`,
    );
  };
  const readAll = (steps: unknown) => {
    if (!Array.isArray(steps) || steps.length === 0) {
      throw new TypeError(`script: ${show(steps)} is no list of steps; write for example ['q', 'p', 's']`);
    }
    return (steps as Step[]).map(read);
  };
  const all = Array.isArray(script) ? readAll(script) : undefined;
  if (Object(script) !== script) readAll(script);
  const byId = new Map(all ? [] : Object.entries(script).map(([id, steps]) => [id, readAll(steps)]));
  if (typeof latency !== 'function') checkDuration('latency', latency);

  const asked = new Map<string, number>();
  const log: ScriptEvent[] = [];

  const stage = (id: string, nth: number, perform: (turn: Turn<Extra>) => Answer): Observable<Answer> => {
    const steps = all ?? byId.get(id) ?? [{ error: 'not-found' as const }];
    const step = steps[Math.min(nth, steps.length) - 1] ?? 'never';
    if (step === 'never') return NEVER;
    if (isObservable(step)) return step;
    const ms = typeof latency === 'number' ? latency : checkDuration('latency', latency({ id, nth }));
    if (step === 'empty') return timer(ms).pipe(ignoreElements());
    return concat(timer(ms).pipe(map(() => perform(step))), timer(1).pipe(ignoreElements()));
  };

  const play = (id: string, perform: (turn: Turn<Extra>) => Answer) =>
    defer(() => {
      let isOver = false;
      const note = (type: ScriptEvent['type']) => {
        if (!isOver) log.push({ type, id, at: asyncScheduler.now() });
        isOver = type !== 'request';
      };
      const nth = (asked.get(id) ?? 0) + 1;
      asked.set(id, nth);
      note('request');
      return stage(id, nth, perform).pipe(
        tap({
          next: () => {
            note('answer');
          },
          error: () => {
            note('miss');
          },
          complete: () => {
            note('miss');
          },
          unsubscribe: () => {
            note('abort');
          },
        }),
      );
    });

  return { play, log };
}
