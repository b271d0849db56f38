import fc from 'fast-check';
import { asyncScheduler, defer, of, Subject, Subscription, switchMap, throwError, timer, type Observable } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import {
  createPollPolicy,
  createTracker,
  dedupeStatus,
  defineProvider,
  isTrackingError,
  pollUntilTerminal,
  QueryError,
  resultWire,
  windowOf,
  withModelInterval,
  type Cadence,
  type Gate,
  type PollDecision,
  type PollOutcome,
  type PollPolicyOptions,
  type PollState,
  type PollWindows,
  type QueryErrorKind,
  type Task,
} from 'rx-video-tasks';
import { completedTask, processingTask, queuedTask, unknownTask } from 'rx-video-tasks/testing';
import { expect, test } from 'vitest';
import { stepOf, takeUp, type StepResult } from '../../src/fleet/poll-step.js';
import type { Snapshot } from '../../src/fleet/snapshot.js';
import { listen } from '../operators/polls.js';
import { isLong } from '../repetitions.js';

// Four engines on one policy: the bare operators, the tracker, a loop over createPollPolicy that writes its state as JSON
// after each step and reads it into a fresh policy, and the fleet, whose steps read and write a snapshot. Given the same
// outcomes they ask at the same times.

const MINUTE = 60_000;
const FLOOR = 10_000;
const windows: PollWindows = {
  fast: { min: 10_000, max: 20_000, floor: FLOOR, generation: [MINUTE / 2, 2 * MINUTE] },
  'slow*': { min: 30_000, max: 60_000, floor: FLOOR, generation: [2 * MINUTE, 5 * MINUTE] },
  flex: { min: 60_000, max: 120_000, floor: FLOOR },
  '*': { min: 15_000, max: 20_000, floor: FLOOR, generation: [MINUTE, 5 * MINUTE] },
};

/** When the run begins: at 0 a time and a duration would look the same. Epoch ms. */
const START = 1_760_000_000_000;

interface Outcome {
  readonly what: 'queued' | 'processing' | 'unknown' | QueryErrorKind | 'empty';
  /** From the ask, in ms. */
  readonly after: number;
  readonly progress: number | undefined;
  readonly model: string | undefined;
  /** Relative to START. */
  readonly createdAt: number | undefined;
  readonly startedAt: number | undefined;
  readonly retryAfterMs: number | undefined;
}

const maybe = <T>(...values: T[]) => fc.constantFrom(undefined, undefined, ...values);

const outcome: fc.Arbitrary<Outcome> = fc.record({
  what: fc.constantFrom(
    ...(['queued', 'processing', 'processing', 'processing', 'processing', 'unknown'] as const),
    ...(['server', 'network', 'rate-limited', 'not-found', 'malformed', 'empty'] as const),
  ),
  after: fc.constantFrom(0, 0, 40, 3_000),
  progress: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined }),
  model: maybe('fast', 'slow_1', 'other'),
  createdAt: maybe(-300_000, -1),
  startedAt: maybe(-100_000, 5_000),
  retryAfterMs: maybe(0, 25_000, 2_000_000),
});

/** Progress that rises is rare by chance. */
const outcomes = fc.tuple(fc.array(outcome, { maxLength: 10 }), fc.boolean()).map(([all, isRising]) => {
  if (!isRising) return all;
  const rising = all.map(({ progress = 0 }) => progress).sort((one, other) => one - other);
  return all.map((one, nth) => ({ ...one, progress: rising[nth] }));
});

const scenario = fc.record({
  outcomes,
  calls: fc.array(fc.integer({ min: 1, max: 400_000 }), { maxLength: 4 }),
  cadence: fc.constantFrom<Cadence>('uniform', 'window', 'economical'),
  seed: fc.nat(2 ** 31),
  hint: maybe('flex', 'fast', 'slow_2'),
  deadline: fc.constantFrom(86_400_000, 86_400_000, 100_000, 0),
  count: fc.constantFrom(Infinity, 2),
});

type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

const FINAL = completedTask();

function answerTo({ outcomes }: Scenario, nth: number): Observable<Task> {
  const one = outcomes[nth];
  if (!one) return of({ ...FINAL, observedAt: asyncScheduler.now() });
  const { what, after, progress, model, createdAt, startedAt, retryAfterMs } = one;
  const answer = defer((): Observable<Task> => {
    if (what === 'empty') return throwError(() => new QueryError('malformed', what, { code: what }));
    const build = { queued: queuedTask, processing: processingTask, unknown: unknownTask }[what as 'queued'];
    if (build === undefined) {
      const kind = what as QueryErrorKind;
      return throwError(() => new QueryError(kind, what, { retryAfterMs }));
    }
    return of(
      build({
        observedAt: asyncScheduler.now(),
        ...(progress !== undefined && { progress }),
        ...(model !== undefined && { model }),
        ...(createdAt !== undefined && { createdAt: START + createdAt }),
        ...(startedAt !== undefined && { startedAt: START + startedAt }),
      }),
    );
  });
  return after === 0 ? answer : timer(after).pipe(switchMap(() => answer));
}

/** The same numbers for each engine. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32;
  };
}

interface Engine {
  readonly query: Observable<Task>;
  readonly notifier: Observable<unknown>;
  readonly random: () => number;
  readonly say: (what: string) => void;
}

const describeTask = ({ status, progress, pollAfter }: Task) =>
  `${status} ${String(progress)}, wait ${String(pollAfter)}`;
const observer = ({ say }: Engine) => ({
  next: (task: Task) => {
    say(describeTask(task));
  },
  complete: () => {
    say('done');
  },
  error: (error: unknown) => {
    say(isTrackingError(error) ? `end: ${error.reason}, ${error.misses} missed` : String(error));
  },
});

const engines: Record<string, (scenario: Scenario, engine: Engine) => void> = {
  operators({ cadence, hint, deadline, count }, engine) {
    const { query, random, notifier } = engine;
    const interval = windowOf(windows, hint).min;
    query
      .pipe(
        withModelInterval(windows, { cadence, random, hint }),
        pollUntilTerminal({ interval, minInterval: FLOOR, random, notifier, deadline, retry: { count } }),
        dedupeStatus(),
      )
      .subscribe(observer(engine));
  },

  tracker({ cadence, hint, deadline, count }, engine) {
    const { query, random, notifier } = engine;
    const acme = defineProvider({ name: 'acme', baseUrl: 'http://127.0.0.1:1', wire: resultWire, windows });
    // The gate has waits of its own. What it admits is the query of the scenario.
    const gate: Gate = { admit: () => query as Observable<never> };
    const options = { cadence, random, notifier, deadline, retry: { count } };
    const tracker = createTracker({ provider: acme({ apiKey: 'key-of-acme' }), gate, ...options });
    tracker.track({ id: 'video_1', ...(hint !== undefined && { hint }) }).subscribe(observer(engine));
  },

  policy({ cadence, hint, deadline, count }, engine) {
    const { random } = engine;
    new JsonEngine({ windows, cadence, random, deadline, retry: { count } }, hint, engine).start();
  },

  fleet({ cadence, hint, deadline, count }, engine) {
    const { random } = engine;
    new FleetEngine({ windows, cadence, random, deadline, retry: { count } }, hint, engine).start();
  },
};

/** Runs the steps of a fleet's worker on one row, as Redis would hold it. */
class FleetEngine {
  #row: { due: number; earliest: number; snapshot: string } | undefined;
  #isWanted = false;
  #isAsking = false;
  #timer: Subscription | undefined;
  #calls: Subscription | undefined;

  constructor(
    readonly options: PollPolicyOptions,
    readonly hint: string | undefined,
    readonly engine: Engine,
  ) {}

  start(): void {
    const now = asyncScheduler.now();
    const ref = { id: 'video_1', provider: 'acme', hint: this.hint };
    this.#row = { due: now, earliest: now, snapshot: JSON.stringify({ gen: '', ref, since: now, seq: 0, acked: 0 }) };
    this.#calls = listen(this.engine.notifier, () => {
      this.#wake();
    });
    this.#run();
  }

  #wake(): void {
    const row = this.#row;
    if (!row) return;
    this.#isWanted = true;
    if (this.#isAsking) return;
    row.due = Math.min(row.due, Math.max(asyncScheduler.now(), row.earliest));
    this.#schedule();
  }

  #schedule(): void {
    this.#timer?.unsubscribe();
    const { due } = this.#row as { due: number };
    this.#timer = asyncScheduler.schedule(() => {
      this.#run();
    }, due - asyncScheduler.now());
  }

  #run(): void {
    const row = this.#row;
    if (!row) return;
    const snapshot = JSON.parse(row.snapshot) as Snapshot;
    const policy = createPollPolicy(this.options);
    const now = asyncScheduler.now();
    const { state, decision } = takeUp(policy, snapshot, now);
    this.#isWanted = false;
    const step = (outcome: PollOutcome) => {
      query.unsubscribe();
      this.#isAsking = false;
      this.#write(snapshot, stepOf(policy, snapshot, state, outcome, asyncScheduler.now()));
    };
    const query = new Subscription();
    if (decision.type === 'wait') {
      row.due = now + decision.delay;
      this.#schedule();
    } else if (decision.type === 'end') {
      step({ type: 'due' });
    } else {
      this.#isAsking = true;
      query.add(
        asyncScheduler.schedule(
          () => {
            step({ type: 'due' });
          },
          decision.type === 'ask' ? decision.patience : 0,
        ),
      );
      query.add(
        this.engine.query.subscribe({
          next: (task) => {
            step({ type: 'answer', task });
          },
          error: (error: unknown) => {
            step({ type: 'miss', error });
          },
        }),
      );
    }
  }

  #write(snapshot: Snapshot, { state, due, earliest = 0, transition, error }: StepResult): void {
    if (transition) this.engine.say(describeTask(transition));
    if (due !== undefined) {
      const next = { ...snapshot, state, ...(transition && { task: transition }) };
      this.#row = { due: this.#isWanted ? earliest : due, earliest, snapshot: JSON.stringify(next) };
      this.#schedule();
      return;
    }
    this.#row = undefined;
    this.#timer?.unsubscribe();
    this.#calls?.unsubscribe();
    this.engine.say(error ? `end: ${error.reason}, ${error.misses} missed` : 'done');
  }
}

/** Reads its state from JSON before each step, and takes up each wait as a process that has just begun. */
class JsonEngine {
  #json = '';
  #timer: Subscription | undefined;
  #query: Subscription | undefined;
  #calls: Subscription | undefined;
  readonly #transitions = new Subject<Task>();

  constructor(
    readonly options: PollPolicyOptions,
    readonly hint: string | undefined,
    readonly engine: Engine,
  ) {
    this.#transitions.pipe(dedupeStatus()).subscribe(observer(engine));
  }

  start(): void {
    const { state, decision } = createPollPolicy(this.options).start({ now: asyncScheduler.now(), hint: this.hint });
    this.#json = JSON.stringify(state);
    this.#calls = listen(this.engine.notifier, () => {
      this.#apply(this.#next({ type: 'call' }));
    });
    this.#apply(decision);
  }

  #next(outcome: PollOutcome): PollDecision {
    const before = JSON.parse(this.#json) as PollState;
    const { state, decision } = createPollPolicy(this.options).next(before, outcome, { now: asyncScheduler.now() });
    this.#json = JSON.stringify(state);
    return decision;
  }

  #apply(decision: PollDecision): void {
    this.#timer?.unsubscribe();
    switch (decision.type) {
      case 'wait': {
        const again = decision.delay > 0 ? this.#next({ type: 'due' }) : decision;
        this.#wake(again.type === 'wait' ? again.delay : NaN);
        return;
      }
      case 'ask':
        if (this.#query === undefined) this.#ask();
        // Nothing has answered at once.
        if (this.#query !== undefined) this.#wake(decision.patience);
        return;
      case 'done':
        this.#stop();
        this.#transitions.complete();
        return;
      case 'end': {
        this.#stop();
        const { misses } = JSON.parse(this.#json) as PollState;
        this.engine.say(`end: ${decision.reason}, ${misses?.count ?? 0} missed`);
      }
    }
  }

  #wake(ms: number): void {
    this.#timer = asyncScheduler.schedule(() => {
      this.#apply(this.#next({ type: 'due' }));
    }, ms);
  }

  #ask(): void {
    const query = (this.#query = new Subscription());
    const over = () => {
      query.unsubscribe();
      this.#query = undefined;
    };
    query.add(
      this.engine.query.subscribe({
        next: (task) => {
          over();
          const decision = this.#next({ type: 'answer', task });
          const { wait } = JSON.parse(this.#json) as PollState;
          this.#transitions.next({ ...task, pollAfter: wait });
          this.#apply(decision);
        },
        error: (error: unknown) => {
          over();
          this.#apply(this.#next({ type: 'miss', error }));
        },
      }),
    );
  }

  #stop(): void {
    this.#timer?.unsubscribe();
    this.#query?.unsubscribe();
    this.#calls?.unsubscribe();
  }
}

function timeline(run: (scenario: Scenario, engine: Engine) => void, scene: Scenario): string[] {
  const lines: string[] = [];
  const say = (what: string) => lines.push(`${(asyncScheduler.now() - START) / 1000} ${what}`);
  const scheduler = new TestScheduler(() => undefined);
  scheduler.run(() => {
    asyncScheduler.schedule(() => {
      const notifier = new Subject<void>();
      let asked = 0;
      const query = defer(() => {
        say('asks');
        return answerTo(scene, asked++);
      });
      for (const call of scene.calls) {
        asyncScheduler.schedule(() => {
          notifier.next();
        }, call);
      }
      run(scene, { query, notifier, say, random: numbers(scene.seed) });
    }, START);
  });
  return lines;
}

const NUM_RUNS = isLong ? 10_000 : 200;

test(
  `${NUM_RUNS} schedules: the operators, the tracker, a state that goes through JSON and the fleet ask at the very same times`,
  { timeout: 300_000 },
  () => {
    let [asks, transitions] = [0, 0];
    fc.assert(
      fc.property(scenario, (scene) => {
        const expected = timeline(engines['operators'] as never, scene);
        asks += expected.filter((line) => line.endsWith('asks')).length;
        transitions += expected.length;
        expect(timeline(engines['tracker'] as never, scene)).toEqual(expected);
        expect(timeline(engines['policy'] as never, scene)).toEqual(expected);
        expect(timeline(engines['fleet'] as never, scene)).toEqual(expected);
      }),
      { numRuns: NUM_RUNS },
    );
    expect(asks / NUM_RUNS).toBeGreaterThan(3);
    expect(transitions).toBeGreaterThan(asks);
  },
);

test.each(['operators', 'tracker', 'policy', 'fleet'])(
  '%s: progress that stands and rises, by the economical cadence',
  (name) => {
    const at = (progress: number): Outcome => ({
      ...{ what: 'processing', after: 0, progress },
      ...{ model: 'slow_1', createdAt: undefined, startedAt: undefined, retryAfterMs: undefined },
    });
    const scene: Scenario = {
      ...{ outcomes: [60, 60, 80, 80, 90].map(at), calls: [], cadence: 'economical', seed: 0 },
      ...{ hint: undefined, deadline: 86_400_000, count: Infinity },
    };
    const asks = timeline(engines[name] as never, scene).filter((line) => line.endsWith('asks'));
    expect(asks).toHaveLength(6);
    expect(asks).toEqual(timeline(engines['operators'] as never, scene).filter((line) => line.endsWith('asks')));
  },
);
