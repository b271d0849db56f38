import { from, type Observable, type ObservableInput } from 'rxjs';
import { notUsable } from './options.js';

/**
 * A caller's source as an Observable. A text is refused: RxJS would emit its characters.
 * @throws TypeError that names the option.
 */
export function toStream<T>(name: string, source: ObservableInput<T>): Observable<T> {
  try {
    if (typeof source !== 'string') return from(source);
  } catch {
    // RxJS's own message names no option.
  }
  throw new TypeError(notUsable(name, source, 'an Observable, a Promise or an array'));
}
