// Limits in ms that more than one module keeps to.

/**
 * The longest delay that a timer can take, 24.8 days: `setTimeout(2 ** 31)` fires at once
 * (https://nodejs.org/api/timers.html#settimeoutcallback-delay-args).
 */
export const LONGEST_DELAY = 2 ** 31 - 1;

/** A longer Retry-After is cut to this, 15 minutes. */
export const LONGEST_RETRY_AFTER = 900_000;

export const DAY = 86_400_000;
