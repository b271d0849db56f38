import { DAY, LONGEST_DELAY, LONGEST_RETRY_AFTER } from '../durations.js';
import { isQueryError, isTrackingError, type QueryError, type TrackingErrorReason } from '../errors.js';
import { check, checkDuration, checkOptions, draw } from '../options.js';
import { isTerminal, type Task } from '../task.js';
import { DEFAULT_FLOOR, resultWindows, windowOf, type PollWindow, type PollWindows } from '../windows.js';
import { beginningOf, checkCadence, timeLeft, waitAfter, type Cadence } from './cadence.js';
import {
  checkPollConfig,
  checkWindows,
  policyOptions,
  type CheckedPollConfig,
  type Miss,
  type PollConfig,
} from './poll-config.js';

// When to ask again, and when to give up: decided here and nowhere else, by functions of a state, an outcome and the
// time. There is no clock in here. Times count from whatever point the engine chooses: epoch ms where a state leaves
// the process.

/** What the wait after an answer depends on. */
export interface WaitState {
  /**
   * The name under which the window is looked up: `flex`, else the model that an answer named last, else that of the
   * ref.
   */
  model?: string | undefined;
  /** When the generation began, as far as is known. */
  beganAt?: number | undefined;
  /** When the last good answer came. */
  seenAt?: number | undefined;
  /** Its progress, if it was `processing`. */
  progress?: number | undefined;
}

/**
 * What is known of the polling of one task. Plain JSON: written after any step and read elsewhere, it continues with
 * the same schedule. All times and durations are in ms; times count from the same point as the `now` that the engine
 * passes.
 */
export interface PollState extends WaitState {
  /** Whether a query is under way. */
  isAsking: boolean;
  /** When the wait ends; of a query under way, when it is given up. */
  dueAt: number;
  /** When polling began. */
  startedAt: number;
  /** When tracking ends with reason `deadline`. */
  deadlineAt: number;
  /** When the last query was sent; absent before the first. One that waits for its turn was not sent yet. */
  askedAt?: number | undefined;
  /** No ask sooner, by a Retry-After. */
  heldUntil?: number | undefined;
  /** Whether a query was sent since polling began. */
  hasAsked: boolean;
  /** A notifier called since the last ask. */
  isCalled: boolean;
  /** The ordinary wait after an answer or a miss. */
  wait: number;
  /** The shortest time from one ask to the next. */
  floor: number;
  /** Whether there ever was a good answer. */
  isAnswered: boolean;
  /** The missed polls since the last good answer; absent where there are none. */
  misses?: MissesInARow | undefined;
}

/** Missed polls without a good answer in between. */
export interface MissesInARow {
  /** Those that count against `retry.count`. */
  count: number;
  /** What the last ones have in common. */
  about: string;
  /** How many of the last ones have it in common. */
  repeats: number;
  /** When the first of those came. */
  since: number;
}

/** Wait for `delay` ms, then pass `due`. */
export interface WaitDecision {
  /** Distinguishes the decisions. */
  readonly type: 'wait';
  /** ms to wait. */
  readonly delay: number;
  /** The missed poll that the wait follows; absent after a good answer. */
  readonly miss?: MissedPoll;
}

/** What an engine does next. After `done` and `end` the state is of no more use. */
export type PollDecision =
  | WaitDecision
  | {
      /**
       * Send the query, unless it is under way; pass its outcome, or `due` where there is none after `patience` ms (and
       * abort it).
       */
      readonly type: 'ask';
      /** ms to wait for the outcome. */
      readonly patience: number;
    }
  | {
      /** The answer was terminal. */
      readonly type: 'done';
    }
  | {
      /** Stop tracking. */
      readonly type: 'end';
      /** Why, as in a TrackingError. */
      readonly reason: TrackingErrorReason;
      /** The missed poll after which the deadline has passed. */
      readonly miss?: MissedPoll;
    };

/** A missed poll, as `onMiss` reports it. */
export type MissedPoll = Pick<Miss, 'kind' | 'misses' | 'nextPollIn'>;

/** What chooses the wait. */
export interface WaitRules {
  readonly windows: PollWindows;
  /**
   * Adjusts a window to the caller's options. Returns the same object each time, for which a schedule is computed once.
   * @default as it is
   */
  readonly adjusted?: (window: PollWindow) => PollWindow;
  readonly cadence: Cadence;
  readonly random: () => number;
}

/** What asks again and gives up. */
export type AskRules = Omit<CheckedPollConfig, 'interval' | 'minInterval'>;

/** Both, for the polling of a task whose windows are known. */
export interface TaskRules extends WaitRules, AskRules {
  /** The caller's `interval`, in place of the windows. */
  readonly fixed?: number | undefined;
}

// What chooses the wait.

/**
 * The wait after a good answer, in ms.
 *
 * @param ahead how far epoch ms are ahead of `now`: the times in a task are epoch ms.
 */
export function waitAfterAnswer(
  state: WaitState,
  task: Task,
  rules: WaitRules,
  now: number,
  ahead: number,
  window = windowAfter(state, task, rules),
): number {
  const { seenAt = now, progress } = state;
  const before = progress === undefined ? undefined : ({ status: 'processing', progress, observedAt: seenAt } as Task);
  const left = before ? timeLeft({ progress: task.progress, observedAt: now } as Task, before) : 0;
  const began = beginningOf(task, state.beganAt === undefined ? undefined : state.beganAt + ahead, now + ahead) - ahead;
  // Times from outside may be no numbers. What has not changed is not stored: a large number is a new object each time.
  if (began !== state.beganAt) state.beganAt = Number.isFinite(began) ? began : undefined;
  state.seenAt = now;
  state.progress = task.status === 'processing' ? task.progress : undefined;
  return waitAfter(window, rules.cadence, rules.random, now - began, left);
}

/** The window of an answer: that of the model which the task named last. */
function windowAfter(state: WaitState, task: Task, rules: WaitRules): PollWindow {
  if (state.model !== 'flex') state.model = task.model ?? state.model;
  return windowIn(rules, state.model);
}

/** `pollAfter` of an answer, which may come from outside, as a wait; undefined if it is none. */
export function validWait(pollAfter: number | undefined): number | undefined {
  return pollAfter !== undefined && pollAfter >= 0 ? Math.min(LONGEST_DELAY, pollAfter) : undefined;
}

// What asks again, and what gives up.

export function newState(wait: number, floor: number): PollState {
  return {
    isAsking: false,
    dueAt: 0,
    startedAt: 0,
    deadlineAt: 0,
    askedAt: undefined,
    heldUntil: undefined,
    hasAsked: false,
    isCalled: false,
    wait,
    floor,
    isAnswered: false,
    misses: undefined,
    model: undefined,
    beganAt: undefined,
    seenAt: undefined,
    progress: undefined,
  };
}

/**
 * Begins, or begins again: a floor and a Retry-After of before still hold.
 *
 * @param createdAt when the task was created, in epoch ms; a deadline in ms counts from it.
 */
export function begin(
  state: PollState,
  { initialDelay, deadline }: AskRules,
  now: number,
  ahead: number,
  createdAt = Infinity,
): WaitDecision {
  const epochNow = now + ahead;
  const from = deadline instanceof Date ? 0 : Math.min(epochNow, createdAt);
  state.isAsking = state.hasAsked = state.isCalled = false;
  state.startedAt = now;
  state.deadlineAt = now + Math.max(0, from + +deadline - epochNow);
  state.misses = undefined;
  return waitFor(state, Math.max(initialDelay, untilAllowed(state, now)), now);
}

/** A wait, or the patience with a query, is over. The engine passes `sent` when a query that it asks for goes. */
export function due(state: PollState, now: number): PollDecision {
  const { isAsking, hasAsked, dueAt, deadlineAt, startedAt } = state;
  if (now < dueAt) {
    if (!isAsking) return { type: 'wait', delay: dueAt - now };
    // An engine that stopped while it asked.
    state.isAsking = false;
    return waitFor(state, untilAllowed(state, now), now);
  }
  // At least one query is tried, however short the deadline.
  if (hasAsked && (isAsking || dueAt >= deadlineAt)) return { type: 'end', reason: 'deadline' };
  if (isAsking) {
    // It still waits for its turn: within a day, after which there is no record any more.
    const lastTurn = Math.max(deadlineAt, startedAt + DAY);
    if (now >= lastTurn) return { type: 'end', reason: 'deadline' };
    state.dueAt = lastTurn;
    return { type: 'wait', delay: lastTurn - now };
  }
  state.isAsking = true;
  state.isCalled = false;
  // A query that is sent after the deadline has an ordinary wait to be answered in.
  state.dueAt = deadlineAt > now ? deadlineAt : now + state.wait;
  return { type: 'ask', patience: state.dueAt - now };
}

/** The query was sent, as its outcome shows too: the floor counts from then. */
export function sent(state: PollState, now: number): void {
  const { askedAt = -Infinity } = state;
  state.hasAsked = true;
  if (askedAt < now) state.askedAt = now;
}

/** The query goes only now: it had to wait its turn. Returns how long to wait for the outcome, in ms. */
export function sentLate(state: PollState, now: number): number {
  if (!state.hasAsked) state.dueAt = Math.max(state.deadlineAt, now + state.wait);
  sent(state, now);
  return state.dueAt - now;
}

/** No query may start now, and one that was not sent yet is withdrawn: only the deadline is waited for. */
export function hold(state: PollState, now: number): PollDecision {
  const { deadlineAt } = state;
  state.isAsking = false;
  state.dueAt = deadlineAt;
  return now < deadlineAt ? { type: 'wait', delay: deadlineAt - now } : { type: 'end', reason: 'deadline' };
}

/** Queries may start again: this one in `ms`, by which an engine spreads those that were held. */
export function release(state: PollState, ms: number, now: number): PollDecision {
  return waitFor(state, Math.max(ms, untilAllowed(state, now)), now);
}

/** A notifier emitted: the next ask is brought forward. */
export function called(state: PollState, now: number): PollDecision {
  state.isCalled = true;
  if (state.isAsking) return { type: 'ask', patience: state.dueAt - now };
  return waitFor(state, untilAllowed(state, now), now);
}

/** A good answer came; `state.wait` and `state.floor` already take account of it. */
export function answered(state: PollState, task: Task, now: number): PollDecision {
  state.isAsking = false;
  state.isAnswered = true;
  state.seenAt = now;
  state.misses = state.heldUntil = undefined;
  return isTerminal(task) ? { type: 'done' } : next(state, now);
}

/** Decides anew from now on. */
export function next(state: PollState, now: number): PollDecision {
  return now < state.deadlineAt ? waitFor(state, pause(state, now), now) : { type: 'end', reason: 'deadline' };
}

/** A query got no good answer. */
export function missed(state: PollState, error: unknown, rules: AskRules, now: number): PollDecision {
  state.isAsking = false;
  const reason = isQueryError(error) ? verdict(state, error, rules, now) : endOf(error);
  if (reason) return { type: 'end', reason };
  const { kind, retryAfterMs } = error as QueryError;
  const misses = state.misses?.count ?? 0;
  state.heldUntil = now + Math.min(retryAfterMs || 0, LONGEST_RETRY_AFTER);
  const backOff = draw(rules.random) * Math.min(rules.maxDelay, rules.delay * 2 ** Math.min(misses, 30));
  const nextPollIn = pause(state, now, Math.round(backOff));
  const miss = { kind, misses, nextPollIn };
  if (now >= state.deadlineAt) return { type: 'end', reason: 'deadline', miss };
  return { ...waitFor(state, nextPollIn, now), miss };
}

function endOf(error: unknown): TrackingErrorReason {
  return isTrackingError(error) ? error.reason : 'query';
}

/** Counts a query without a good answer; returns the reason to give up, if it is one. */
function verdict(
  state: PollState,
  { kind, code, retryable }: QueryError,
  { notFoundGrace, count }: AskRules,
  now: number,
): TrackingErrorReason | undefined {
  if (kind === 'expired') return kind;
  const isNotFound = kind === 'not-found';
  if (!retryable && !isNotFound) return 'query';
  const misses = (state.misses ??= { count: 0, about: '', repeats: 0, since: 0 });
  if (kind !== 'rate-limited') misses.count++;
  // Just after its creation a task may not be stored yet: "not found" is a miss then, but no sign that it is gone.
  const isGrace = isNotFound && now - state.startedAt < notFoundGrace;
  const about = isGrace || code === 'empty' ? '' : code === 'no-video' ? code : kind;
  if (misses.about !== about) misses.repeats = 0;
  if (misses.repeats++ === 0) misses.since = now;
  misses.about = about;

  const isFifth = misses.repeats >= 5;
  if (isFifth && about === 'no-video') return about;
  const isWrongPlace = isFifth && about === 'malformed' && !state.isAnswered;
  const isGone = about === 'not-found' && misses.repeats >= 3 && now - misses.since >= notFoundGrace;
  return isWrongPlace || isGone || misses.count > count ? 'query' : undefined;
}

/** Waits for the next ask, or for the deadline if that is sooner. */
function waitFor(state: PollState, ms: number, now: number): WaitDecision {
  // A call may come after the deadline, and before its timer.
  const left = Math.max(0, state.deadlineAt - now);
  // One query is tried, however short the deadline, as soon as it is allowed.
  const delay = Math.min(ms, state.hasAsked ? left : Math.max(left, untilAllowed(state, now)));
  state.dueAt = now + delay;
  return { type: 'wait', delay };
}

/** How long to wait after an answer, or, with a back-off, after a miss. */
function pause(state: PollState, now: number, backOff = 0): number {
  const allowed = untilAllowed(state, now);
  return state.isCalled ? allowed : Math.min(LONGEST_DELAY, Math.max(allowed, state.floor, state.wait, backOff));
}

/** How long the floor and a Retry-After still forbid to ask, in ms. */
function untilAllowed({ floor, askedAt = -Infinity, heldUntil = -Infinity }: PollState, now: number): number {
  // A clock that was set back makes no floor longer than itself.
  return Math.max(0, floor + Math.min(0, askedAt - now), heldUntil - now);
}

// Both.

/** The state of a task before its first ask. */
export function newTaskState(rules: WaitRules, model: string | undefined): PollState {
  const window = windowIn(rules, model);
  const state = newState(window.min, floorOf(window));
  state.model = model;
  return state;
}

export function taskAnswered(state: PollState, task: Task, rules: TaskRules, now: number, ahead: number): PollDecision {
  const { fixed } = rules;
  const window = windowAfter(state, task, rules);
  state.wait =
    fixed === undefined
      ? waitAfterAnswer(state, task, rules, now, ahead, window)
      : (validWait(task.pollAfter) ?? fixed);
  state.floor = floorOf(window);
  return answered(state, task, now);
}

function floorOf({ floor = DEFAULT_FLOOR }: PollWindow): number {
  return floor;
}

/**
 * The window under the name that the state holds. Looked up for each answer, since windows that are learned get better.
 */
export function windowIn({ windows, adjusted }: WaitRules, model: string | undefined): PollWindow {
  const window = windowOf(windows, model);
  return adjusted ? adjusted(window) : window;
}

/** Adjusts each window once. */
export function adjustedOnce(adjust: (window: PollWindow) => PollWindow): (window: PollWindow) => PollWindow {
  const adjusted = new WeakMap<PollWindow, PollWindow>();
  return (window) => {
    let own = adjusted.get(window);
    if (!own) adjusted.set(window, (own = adjust(window)));
    return own;
  };
}

// For engines of one's own.

/** All durations in ms, 0..2^31-1. */
export interface PollPolicyOptions extends Omit<PollConfig, 'notifier' | 'onMiss'> {
  /** Polling windows by model. @default resultWindows */
  readonly windows?: PollWindows;
  /** How waits are chosen from the windows; see `withModelInterval`. @default 'window' */
  readonly cadence?: Cadence;
  /** A fixed wait after each answer, in ms, instead of the windows. @default none */
  readonly interval?: number;
  /** The floor from ask to ask of one task, in ms. @default that of the task's window, or 10_000 */
  readonly minInterval?: number;
  /** Returns 0..1: the place of a wait in its window, and the spread of the back-off. @default Math.random */
  readonly random?: () => number;
}

/** What happened since the last decision. */
export type PollOutcome =
  | {
      /** The wait is over, or the patience with a query. Also the way to take up a state that was written elsewhere. */
      readonly type: 'due';
    }
  | {
      /** A good answer came. */
      readonly type: 'answer';
      /** The answer. */
      readonly task: Task;
      /** When the request was sent, if it had to wait its turn: the floor counts from it. */
      readonly sentAt?: number;
    }
  | {
      /** The query errored. */
      readonly type: 'miss';
      /** Its error: a QueryError; anything else ends tracking. */
      readonly error: unknown;
      /** When the request was sent, if it had to wait its turn: the floor counts from it. */
      readonly sentAt?: number;
    }
  | {
      /** An ask is worthwhile: a webhook came, or a window got the focus. */
      readonly type: 'call';
    };

/** A state and what to do next. */
export interface PollStep {
  /** The state to pass to the next step. */
  readonly state: PollState;
  /** What the engine does next. */
  readonly decision: PollDecision;
}

/** A task whose polling begins. */
export interface PollStart {
  /** ms, epoch ms where the state leaves the process. */
  readonly now: number;
  /** The model, until an answer names it. */
  readonly model?: string | undefined;
  /** The name of a polling window that no answer names, such as `flex`. */
  readonly hint?: string | undefined;
  /** When the task was created: a deadline in ms counts from it. Epoch ms. */
  readonly createdAt?: number | undefined;
}

/** When to ask again and when to give up, for any engine: pure functions of a state, an outcome and the time. */
export interface PollPolicy {
  /**
   * Returns the state of a task before its first ask, which is due after `decision.delay` ms.
   * @throws TypeError for a `now` that is no number; RangeError for a deadline later than a timer can wait.
   */
  start(ref: PollStart): PollStep & { readonly decision: WaitDecision };
  /**
   * Returns what to do after an outcome. The state that is passed in stays as it is.
   *
   * @param time `now` is in ms and counts from the same point as that of `start`. The times in a task are epoch ms: the
   * age of a task is right only if `now` is epoch ms too.
   * @throws TypeError for a state, an outcome or a `now` that is none.
   */
  next(state: PollState, outcome: PollOutcome, time: { readonly now: number }): PollStep;
}

/**
 * Returns the policy of the tracker for an engine of your own, such as a job queue: when to ask about a task again, and
 * when to give up. It has no timer, no clock and no I/O; the state is plain JSON.
 *
 * Given the same answers at the same times, an engine asks at the same times as `tracker.track`, and as
 * `withModelInterval` with `pollUntilTerminal` where `interval` is the window's `min` and `minInterval` its floor.
 *
 * @throws TypeError at call time for options that are unknown or not usable; RangeError for durations and windows that
 * no timer can take.
 *
 * @example
 * const policy = createPollPolicy({ windows: generationsWindows });
 * let step: PollStep = policy.start({ now: Date.now() });
 * // After step.decision.delay ms:
 * step = policy.next(step.state, { type: 'due' }, { now: Date.now() });
 * // step.decision is { type: 'ask', ... }: send the query, then
 * step = policy.next(step.state, { type: 'answer', task }, { now: Date.now() });
 */
export function createPollPolicy(options: PollPolicyOptions = {}): PollPolicy {
  checkOptions('createPollPolicy', 'createPollPolicy({ windows })', options, [
    'windows',
    'cadence',
    ...policyOptions(),
  ]);
  const { windows = resultWindows, cadence = 'window', interval, minInterval } = options;
  checkCadence(cadence);
  checkWindows(windows);
  const rules: TaskRules = {
    // Nothing here reads a clock: a date is compared with itself.
    ...checkPollConfig(options, +(options.deadline ?? 0)),
    cadence,
    fixed: interval,
    windows,
    adjusted: adjustedOnce((window) => ({
      ...window,
      ...(interval !== undefined && { min: interval, max: interval }),
      floor: minInterval ?? floorOf(window),
    })),
  };

  return policyOf(rules);
}

/** The policy by rules that are checked already. */
export function policyOf(rules: TaskRules): PollPolicy {
  const decide = (state: PollState, outcome: PollOutcome, now: number): PollDecision => {
    if (outcome.type === 'due') {
      const decision = due(state, now);
      if (decision.type === 'ask') sent(state, now);
      return decision;
    }
    if (outcome.type === 'call') return called(state, now);
    state.askedAt = outcome.sentAt ?? state.askedAt;
    if (outcome.type === 'miss') return missed(state, outcome.error, rules, now);
    return taskAnswered(state, outcome.task, rules, now, 0);
  };

  return {
    start(ref) {
      const { now, model, hint, createdAt } = Object(ref) as PollStart;
      checkNow(now);
      const { deadline } = rules;
      if (deadline instanceof Date) checkDuration('deadline', Math.max(0, +deadline - now));
      const state = newTaskState(rules, hint ?? model);
      state.beganAt = createdAt;
      return { state, decision: begin(state, rules, now, 0, createdAt) };
    },
    next(before, outcome, time) {
      const { now } = Object(time) as { readonly now: number };
      check('state', before, Object(before) === before, 'the state of the last step');
      check('outcome.type', outcome?.type, OUTCOMES.includes(outcome?.type), OUTCOMES.join(', '));
      checkNow(now);
      const state = { ...before, misses: before.misses && { ...before.misses } };
      const decision = decide(state, outcome, now);
      return { state, decision };
    },
  };
}

function checkNow(now: unknown): void {
  check('now', now, Number.isFinite(now), 'ms, such as Date.now()');
}

const OUTCOMES: readonly string[] = ['due', 'answer', 'miss', 'call'] satisfies PollOutcome['type'][];
