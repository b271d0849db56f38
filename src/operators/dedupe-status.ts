import { Observable, Subscriber, type MonoTypeOperatorFunction } from 'rxjs';
import { check, checkOptions } from '../options.js';
import { changeKey, isTerminal, taskKey } from '../task.js';
import type { TrackedTask } from '../tracked-task.js';

/** What counts as a change. */
export interface DedupeOptions<T extends TrackedTask = TrackedTask> {
  /**
   * What makes an answer a change: `progress` is a change of status (for `unknown` ones, of the service's word) or of
   * progress, `status` a change of status alone; or a function whose result changes (compared with `===`).
   * @default 'progress'
   */
  readonly by?: 'progress' | 'status' | ((task: T) => unknown);
}

const MAX_TOMBSTONES = 10_000;

/**
 * Emits each answer that differs from the last one of the same task.
 *
 * ```text
 * answers:  q--q--p--p--s|
 *           dedupeStatus()
 * result:   q-----p-----s|
 * ```
 *
 * Keyed by provider and id, so it is as right behind a merge of many tasks as before it (`distinctUntilChanged` is
 * not). A task's first and its terminal answer always pass, and so does `lost`. A step back among running states is a
 * change too. After a task's terminal answer, whatever else comes about it is a late duplicate and is dropped (the last
 * 10,000 finished tasks are remembered).
 *
 * @throws TypeError at call time for a `by` or an option that does not exist.
 */
export function dedupeStatus<T extends TrackedTask>(options: DedupeOptions<T> = {}): MonoTypeOperatorFunction<T> {
  checkOptions('dedupeStatus', "dedupeStatus({ by: 'status' })", options, ['by']);
  const { by = 'progress' } = options;
  const keyOf = typeof by === 'string' ? RULES[by] : by;
  check('by', by, typeof keyOf === 'function', "'progress', 'status' or a function");
  return (source) => new Observable((subscriber) => source.subscribe(new Dedupe(subscriber, keyOf)));
}

const RULES = { progress: changeKey, status: ({ status }: TrackedTask) => status };

/** In the place of a change key: that of a finished task, and that of a task that has none. */
const FINISHED = Symbol('finished');
const NONE = Symbol('none');

/**
 * Behind a poller there is one task: its last change key is kept in a field, and maps are made for the second task.
 *
 * A subscriber of RxJS's own kind, so that unsubscribing also ends a synchronous source; `filter` takes 600 bytes more.
 */
// eslint-disable-next-line rxjs-x/no-subclass -- what RxJS's own operators do, in all of RxJS 7
class Dedupe<T extends TrackedTask> extends Subscriber<T> {
  readonly #subscriber: Subscriber<T>;
  readonly #keyOf: (task: T) => unknown;
  #id: string | undefined;
  #provider: string | undefined;
  #onlyKey: unknown = NONE;
  #many: ManyKeys | undefined;

  constructor(subscriber: Subscriber<T>, keyOf: (task: T) => unknown) {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- the same
    super(subscriber);
    this.#subscriber = subscriber;
    this.#keyOf = keyOf;
  }

  protected override _next(task: T): void {
    let isChange;
    try {
      isChange = this.#isChange(task);
    } catch (error) {
      // A function of the caller threw.
      this.error(error);
      return;
    }
    if (isChange) this.#subscriber.next(task);
  }

  #isChange(task: T): boolean {
    this.#id ??= task.id;
    this.#provider ??= task.provider;
    const isOnly = this.#id === task.id && this.#provider === task.provider;
    if (!isOnly && !this.#many) {
      this.#many = new ManyKeys();
      this.#many.set(taskKey({ id: this.#id, provider: this.#provider }), this.#onlyKey);
    }
    const name = this.#many ? taskKey(task) : '';
    const before = this.#many ? this.#many.get(name) : this.#onlyKey;
    const isLost = task.status === 'lost';
    if (before === FINISHED) return isLost;
    const isSettled = isLost || isTerminal(task);
    const key = isLost ? NONE : isSettled ? FINISHED : this.#keyOf(task);
    if (this.#many) this.#many.set(name, key);
    else this.#onlyKey = key;
    return isSettled || key !== before;
  }
}

/** The change keys of many tasks. Those of running ones stay; of the finished ones the last 10,000. */
class ManyKeys {
  readonly #running = new Map<string, unknown>();
  readonly #finished = new Set<string>();

  get(name: string): unknown {
    if (this.#finished.has(name)) return FINISHED;
    return this.#running.has(name) ? this.#running.get(name) : NONE;
  }

  set(name: string, key: unknown): void {
    if (key !== FINISHED && key !== NONE) {
      this.#running.set(name, key);
      return;
    }
    this.#running.delete(name);
    if (key === FINISHED) this.#finished.add(name);
    if (this.#finished.size > MAX_TOMBSTONES) this.#finished.delete(this.#finished.keys().next().value as string);
  }
}
