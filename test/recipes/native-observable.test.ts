import { of, Subject } from 'rxjs';
import { expect, test } from 'vitest';
import {
  fromNative,
  toNative,
  type NativeObservable,
  type NativeObserver,
} from '../../docs/examples/native-observable.js';

type Start<T> = (subscriber: NativeObserver<T> & { addTeardown(teardown: () => void): void }) => void;

/** As much of the browsers' Observable as the recipe uses: an abort runs the teardowns. */
class StandIn<T> implements NativeObservable<T> {
  readonly #start: Start<T>;

  constructor(start: Start<T>) {
    this.#start = start;
  }

  subscribe(observer: Partial<NativeObserver<T>>, { signal }: { signal?: AbortSignal } = {}): void {
    this.#start({
      next: (value) => observer.next?.(value),
      error: (error) => observer.error?.(error),
      complete: () => observer.complete?.(),
      addTeardown: (teardown) => signal?.addEventListener('abort', teardown),
    });
  }
}

test('an Observable of RxJS becomes one of the browsers, and its abort unsubscribes', () => {
  const source = new Subject<number>();
  const values: number[] = [];
  const controller = new AbortController();
  toNative(source, StandIn).subscribe({ next: (value) => values.push(value) }, { signal: controller.signal });
  source.next(1);
  controller.abort();
  expect([values, source.observed]).toEqual([[1], false]);
});

test('one of the browsers becomes an Observable of RxJS, and unsubscribing aborts it', () => {
  const values: unknown[] = [];
  const note = {
    next: (value: unknown) => values.push(value),
    error: () => 0,
    complete: () => values.push('complete'),
  };
  fromNative(toNative(of(1, 2), StandIn)).subscribe(note);
  expect(values).toEqual([1, 2, 'complete']);
  let isStopped = false;
  const native = new StandIn<number>((subscriber) => {
    subscriber.addTeardown(() => (isStopped = true));
  });
  fromNative(native)
    .subscribe({ error: () => 0 })
    .unsubscribe();
  expect(isStopped).toBe(true);
});
