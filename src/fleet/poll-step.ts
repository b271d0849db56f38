import type { TrackingError } from '../errors.js';
import type { MissedPoll, PollDecision, PollOutcome, PollPolicy, PollState } from '../poll/policy.js';
import { changeKey, copyTask, isTerminal, type Task } from '../task.js';
import { trackingError } from '../tracking-error.js';
import type { Snapshot } from './snapshot.js';

/** What one step of the policy came to. Times in epoch ms of Redis. */
export interface StepResult {
  readonly state: PollState;
  /** When the next step is due; absent where tracking has ended. */
  readonly due?: number;
  /** When a notifier may make it due; of a lost task, when tracking it anew may. */
  readonly earliest?: number;
  /** The answer, where it is a transition. */
  readonly transition?: Task;
  readonly error?: TrackingError;
  readonly miss?: MissedPoll;
}

/** Takes up the polling of a task that is due: whether to ask, and how long an answer may take. */
export function takeUp(
  policy: PollPolicy,
  { state: stored, ref, since }: Snapshot,
  now: number,
): { readonly state: PollState; readonly decision: PollDecision } {
  const state = stored ?? policy.start({ ...ref, now: since }).state;
  // A notifier has made it due before its time.
  const isCalled = stored !== undefined && stored.dueAt > now;
  const due = isCalled ? policy.next(state, { type: 'call' }, { now }).state : state;
  return policy.next(due, { type: 'due' }, { now });
}

/** One outcome, and what follows from it: the same for every engine, so that all ask at the same times. */
export function stepOf(
  policy: PollPolicy,
  snapshot: Pick<Snapshot, 'ref' | 'task'>,
  before: PollState,
  outcome: PollOutcome,
  now: number,
): StepResult {
  const { state, decision } = policy.next(before, outcome, { now });
  const { ref, task: last } = snapshot;
  const answer = outcome.type === 'answer' ? outcome.task : undefined;
  const isTransition = answer && (!last || isTerminal(answer) || changeKey(answer) !== changeKey(last));
  const transition = isTransition ? { transition: copyTask(answer, { pollAfter: state.wait }) } : {};
  if (decision.type === 'wait') {
    const due = now + decision.delay;
    const called = policy.next(state, { type: 'call' }, { now }).decision;
    const earliest = called.type === 'wait' ? now + called.delay : due;
    return { state, due, earliest, ...transition, ...(decision.miss && { miss: decision.miss }) };
  }
  if (decision.type === 'end') {
    const cause = outcome.type === 'miss' ? outcome.error : undefined;
    const misses = state.misses?.count;
    const error = trackingError(decision.reason, { ...ref, last: answer ?? last, misses, cause });
    const earliest = Math.max((state.askedAt ?? 0) + state.floor, state.heldUntil ?? 0);
    return { state, error, earliest, ...transition, ...(decision.miss && { miss: decision.miss }) };
  }
  return { state, ...transition };
}
