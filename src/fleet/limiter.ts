import { checkNumber } from '../options.js';

/** BullMQ's limiter: so many jobs are started in each window of `duration` ms, over all workers of a queue. */
export interface Limiter {
  readonly max: number;
  readonly duration: number;
}

/**
 * BullMQ pauses a queue by its limiter, which needs a `max` for that (https://docs.bullmq.io/guide/rate-limiting): one
 * that no queue reaches.
 */
const UNLIMITED: Limiter = { max: 1_000_000, duration: 1_000 };

/** The longest window, in ms, for rates at which several requests share one. */
const LONGEST = 50;

/**
 * Windows as short as the rate allows. They are fixed, so a second can cut one off at both ends and hold one more than
 * its share: with windows of 50 ms that is 5 %, with one request a window one request.
 *
 * @throws RangeError for a rate below 1.
 */
export function limiterOf(requestsPerMinute = Infinity): Limiter {
  checkNumber('requestsPerMinute', requestsPerMinute, requestsPerMinute >= 1, 'a number of at least 1, or Infinity');
  if (requestsPerMinute === Infinity) return UNLIMITED;
  const perMs = requestsPerMinute / 60_000;
  const max = Math.max(1, Math.floor(perMs * LONGEST));
  return { max, duration: Math.ceil(max / perMs) };
}
