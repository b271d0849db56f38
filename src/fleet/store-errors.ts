import { retry, throwError, timer, type MonoTypeOperatorFunction } from 'rxjs';

/** ms before the first repetition of what Redis answered with an error, and before any later one at most. */
const FIRST = 1_000;
const LONGEST = 30_000;

/** Repetitions of what Redis refuses: a password or a rule may be changed at this moment. */
const MAX_REFUSALS = 3;

/**
 * The codes of error replies that do not pass by themselves. Others are about the state of a server: READONLY, OOM,
 * LOADING, MISCONF, BUSY, CLUSTERDOWN, TRYAGAIN (https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors).
 */
const REFUSALS: readonly string[] = ['ERR', 'NOAUTH', 'NOPERM', 'WRONGPASS', 'WRONGTYPE', 'NOPROTO', 'CROSSSLOT'];

/**
 * Repeats what Redis answered with an error, with back-off: a state of the server that passes is waited for, as the
 * client waits for a server that cannot be reached. What Redis refuses is repeated three times; then it errors.
 *
 * @param report is called with each error.
 */
export function retryStore<T>(report: (error: Error) => void): MonoTypeOperatorFunction<T> {
  return retry({
    delay(error: Error, attempt) {
      report(error);
      if (isRefusal(error) && attempt > MAX_REFUSALS) return throwError(() => error);
      // Many tasks fail at the same moment, and would come back at the same moment.
      return timer((0.5 + Math.random() / 2) * Math.min(LONGEST, FIRST * 2 ** (attempt - 1)));
    },
  });
}

/** Any other error is one of the connection, or of a program (a reply that cannot be read). */
function isRefusal(error: Error): boolean {
  return error.name === 'ReplyError'
    ? REFUSALS.includes(codeOf(error.message))
    : /^(Type|Syntax)Error$/.test(error.name);
}

/** The code of an error reply. Before Redis 7 that of a command inside a script follows a "-" (redis#10279). */
function codeOf(message: string): string {
  return (/^ERR Error running script.*? -([A-Z]+) /.exec(message) ?? /^([A-Z]+)/.exec(message))?.[1] ?? '';
}
