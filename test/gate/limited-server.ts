import { asyncScheduler, defer, mergeMap, throwError, timer, type Observable } from 'rxjs';
import { QueryError, type Gate } from 'rx-video-tasks';
import { chanceOf } from '../bench/chance.js';

/** Whether a request passes that arrives now, at a limit of so many a second. */
export type Limiter = (now: number, perSecond: number) => boolean;

/** So many in each window of so many ms. */
export function windowed(ms: number): Limiter {
  let window = -1;
  let used = 0;
  return (now, perSecond) => {
    if (Math.floor(now / ms) !== window) {
      window = Math.floor(now / ms);
      used = 0;
    }
    return used++ < (perSecond * ms) / 1000;
  };
}

/** So many in any stretch of so many ms. */
export function sliding(ms: number): Limiter {
  let passed: number[] = [];
  return (now, perSecond) => {
    passed = passed.filter((at) => at > now - ms);
    return passed.length < (perSecond * ms) / 1000 && passed.push(now) > 0;
  };
}

/** Tokens that trickle in, a second's worth of them at most. */
export function bucket(): Limiter {
  let tokens = Infinity;
  let countedAt = 0;
  return (now, perSecond) => {
    tokens = Math.min(perSecond, tokens + ((now - countedAt) * perSecond) / 1000);
    countedAt = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}

export interface LimitedServerOptions {
  /** Requests a second that pass. */
  readonly limitAt: (now: number) => number;
  readonly passes?: Limiter;
  readonly retryAfterMs?: number | undefined;
  /** How long replies take, in ms: a number, or a range that each reply is drawn from. */
  readonly replies?: number | readonly [least: number, most: number];
  /** How long a 429 takes, in ms. @default as long as a reply */
  readonly refusals?: number;
}

/** A server in virtual time that replies 429 to what does not pass. Notes when requests arrive. */
export function limitedServer(options: LimitedServerOptions) {
  const { limitAt, passes = windowed(1000), retryAfterMs, replies = 20, refusals } = options;
  const [least, most] = typeof replies === 'number' ? [replies, replies] : replies;
  const random = chanceOf(7);
  const passed: number[] = [];
  const refused: number[] = [];
  const request = defer((): Observable<unknown> => {
    const now = asyncScheduler.now();
    const replyTime = Math.round(least + random() * (most - least));
    if (passes(now, limitAt(now))) {
      passed.push(now);
      return timer(replyTime);
    }
    refused.push(now);
    const error = new QueryError('rate-limited', 'slow down', { retryAfterMs });
    return timer(refusals ?? replyTime).pipe(mergeMap(() => throwError(() => error)));
  });
  return { request, passed, refused };
}

/**
 * So many tasks that ask again and again until a time, each a second after its last reply or miss. Counts the requests
 * of each task.
 */
export function crowd(gate: Gate, request: Observable<unknown>, tasks: number, until: number, key = 'one'): number[] {
  const asks = new Array<number>(tasks).fill(0);
  const poll = (task: number): void => {
    if (asyncScheduler.now() >= until) return;
    const counted = defer(() => {
      asks[task] = (asks[task] ?? 0) + 1;
      return request;
    });
    const again = () =>
      asyncScheduler.schedule(() => {
        poll(task);
      }, 1000);
    gate.admit({ origin: 'https://api.example.com', key }, counted).subscribe({ error: again, complete: again });
  };
  for (let task = 0; task < tasks; task++) poll(task);
  return asks;
}

/** How many of the times lie between two others. */
export function between(times: readonly number[], from: number, to: number): number {
  return times.filter((at) => at >= from && at < to).length;
}
