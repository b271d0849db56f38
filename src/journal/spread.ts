import { concatMap, from, mergeMap, timer, type Observable } from 'rxjs';

/** Items that are due within the same so many ms are emitted together. */
const GRAIN = 20;

/** Emits the items one after the other, over about the mean of their `wait` (ms). */
export function spread<T extends { readonly wait: number }>(items: readonly T[]): Observable<T> {
  const groups = new Map<number, T[]>();
  let due = 0;
  for (const item of items) {
    const at = due - (due % GRAIN);
    const group = groups.get(at);
    if (group) group.push(item);
    else groups.set(at, [item]);
    due += item.wait / items.length;
  }
  let now = 0;
  return from(groups).pipe(
    concatMap(([at, group]) => {
      const delayMs = at - now;
      now = at;
      return delayMs === 0 ? group : timer(delayMs).pipe(mergeMap(() => group));
    }),
  );
}
