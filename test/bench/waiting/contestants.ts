import { defer, exhaustMap, Observable, of, repeat, takeWhile, timer, type Subscription } from 'rxjs';
import {
  createGate,
  createTracker,
  dedupeStatus,
  defineProvider,
  isTerminal,
  pollUntilTerminal,
  resultWire,
  withModelInterval,
  type PollWindows,
  type Task,
} from 'rx-video-tasks';

/** How long to wait between two asks of a task, in ms: evenly anywhere in between. */
export interface Window {
  readonly min: number;
  readonly max: number;
}

/** Starts `tasks` tasks that are answered at once and never end; gives the way to drop them all. */
export type Contestant = (tasks: number, window: Window) => () => void;

/** All who run, by the name in the table. The first one is the floor. */
export const contestants: Record<string, Contestant> = {
  'bare setTimeout loop (the floor)': (tasks, window) => {
    const loops = starting(tasks, (id) => new Loop(id, window));
    return () => {
      for (const loop of loops) loop.stop();
    };
  },
  'tracker.track': (tasks, window) => {
    const tracker = createTracker({
      provider: defineProvider({
        name: 'benchmark',
        baseUrl: 'http://127.0.0.1:9',
        wire: { ...resultWire, read: (_reply, { id }) => answerTo(id) },
        windows: windowsOf(window),
        minInterval: window.min,
      })({ apiKey: 'benchmark-key' }),
      transport: () => of(REPLY),
      gate: createGate({ requestsPerMinute: Infinity }),
    });
    return streams(tasks, (id) => tracker.track(id));
  },
  'the bare operators, made once': (tasks, window) => {
    const pace = withModelInterval<Task>(windowsOf(window));
    const poll = pollUntilTerminal<Task>({ minInterval: window.min });
    const dedupe = dedupeStatus<Task>();
    return streams(tasks, (id) => query(id).pipe(pace, poll, dedupe));
  },
  'the bare operators, made for each task': (tasks, window) =>
    streams(tasks, (id) =>
      query(id).pipe(
        withModelInterval(windowsOf(window)),
        pollUntilTerminal({ minInterval: window.min }),
        dedupeStatus(),
      ),
    ),
  'async loop': (tasks, window) => {
    const loops = starting(tasks, (id) => new AsyncLoop(id, window));
    return () => {
      for (const loop of loops) loop.stop();
    };
  },
  'timer + exhaustMap': (tasks, window) =>
    streams(tasks, (id) =>
      timer(0, waitIn(window)).pipe(
        exhaustMap(() => query(id)),
        takeWhile((task) => !isTerminal(task), true),
      ),
    ),
  'defer + repeat({ delay })': (tasks, window) =>
    streams(tasks, (id) =>
      query(id).pipe(
        repeat({ delay: () => timer(waitIn(window)) }),
        takeWhile((task) => !isTerminal(task), true),
      ),
    ),
};

/** Answers so far, to all contestants. */
export let answers = 0;

const REPLY = { status: 200, headers: {}, body: '' };

function windowsOf({ min, max }: Window): PollWindows {
  return { '*': { min, max, floor: min } };
}

function waitIn({ min, max }: Window): number {
  return min + Math.round(Math.random() * (max - min));
}

/** A new object for each answer, as a service sends it: a constant would take no memory. */
function answerTo(id: string): Task {
  answers++;
  return {
    id,
    provider: 'benchmark',
    status: 'processing',
    rawStatus: 'processing',
    observedAt: Date.now(),
    model: 'seedance_2_0',
    createdAt: 1_777_288_506_000,
  };
}

function query(id: string): Observable<Task> {
  return defer(() => of(answerTo(id)));
}

function starting<T>(tasks: number, start: (id: string) => T): T[] {
  return Array.from({ length: tasks }, (_, i) => start(`task_${i}`));
}

function streams(tasks: number, stream: (id: string) => Observable<Task>): () => void {
  const next = () => undefined;
  const error = (cause: unknown) => {
    throw cause;
  };
  const subscriptions: Subscription[] = starting(tasks, (id) => stream(id).subscribe({ next, error }));
  return () => {
    for (const subscription of subscriptions) subscription.unsubscribe();
  };
}

/** The least that remembers a task's last answer and asks again. */
class Loop {
  last: Task | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly id: string,
    private readonly window: Window,
  ) {
    this.#ask();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #ask(): void {
    this.last = answerTo(this.id);
    this.#timer = setTimeout(() => {
      this.#ask();
    }, waitIn(this.window));
  }
}

class AsyncLoop {
  last: Task | undefined;
  #isStopped = false;

  constructor(id: string, window: Window) {
    void this.#run(id, window);
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #run(id: string, window: Window): Promise<void> {
    while (!this.#isStopped) {
      this.last = await Promise.resolve(answerTo(id));
      await new Promise((resolve) => setTimeout(resolve, waitIn(window)));
    }
  }
}
