import { createInterface } from 'node:readline';
import { concat, distinct, filter, from, map, Observable, throwIfEmpty } from 'rxjs';
import { UsageError } from './usage.js';

/**
 * The ids that were given as arguments; with `-` among them, or with none and piped input, also those on standard
 * input, as they come. `usage` is what to write. @throws UsageError where there is nowhere to take an id from.
 */
export function idsOf(args: readonly string[], usage: string): readonly string[] | Observable<string> {
  const noIds = () => new UsageError(`no task is given; write ${usage}, or pipe ids in, one a line`);
  const given = args.filter((id) => id !== '-');
  const isPiped = args.length === 0 && !process.stdin.isTTY;
  if (isPiped || given.length < args.length) {
    return concat(from(given), linesOf(process.stdin)).pipe(distinct(), throwIfEmpty(noIds));
  }
  if (given.length === 0) throw noIds();
  return [...new Set(given)];
}

/** The lines of a stream that are not blank. Unsubscribing destroys the stream. */
function linesOf(stream: NodeJS.ReadStream): Observable<string> {
  return new Observable<string>((subscriber) => {
    const lines = createInterface({ input: stream });
    lines.on('line', (line) => {
      subscriber.next(line);
    });
    lines.on('close', () => {
      subscriber.complete();
    });
    return () => {
      lines.close();
      stream.destroy();
    };
  }).pipe(
    map((line) => line.trim()),
    filter((line) => line !== ''),
  );
}
