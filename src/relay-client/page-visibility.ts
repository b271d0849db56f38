import { concat, defer, distinctUntilChanged, fromEvent, map, Observable, of, switchMap, timer } from 'rxjs';

/**
 * Whether the page has been hidden for `hiddenAfter` ms; without a page, never. First false, so that a page that opens
 * in a background tab connects once. https://html.spec.whatwg.org/multipage/interaction.html#page-visibility
 */
export function isHiddenFor(hiddenAfter: number): Observable<boolean> {
  const page = globalThis.document as Document | undefined;
  if (!page) return of(false);
  const hidden = defer(() => concat(of(undefined), fromEvent(page, 'visibilitychange'))).pipe(
    switchMap(() => (page.hidden ? timer(hiddenAfter).pipe(map(() => true)) : of(false))),
  );
  return concat(of(false), hidden).pipe(distinctUntilChanged());
}
