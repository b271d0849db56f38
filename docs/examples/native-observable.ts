import { Observable } from 'rxjs';

/** The parts of the browsers' Observable that are needed; TypeScript has no types of it yet. */
export interface NativeObservable<T> {
  subscribe(observer: Partial<NativeObserver<T>>, options?: { signal?: AbortSignal }): void;
}
export interface NativeObserver<T> {
  next(value: T): void;
  error(error: unknown): void;
  complete(): void;
}
export type NativeConstructor = new <T>(
  subscribe: (subscriber: NativeObserver<T> & { addTeardown(teardown: () => void): void }) => void,
) => NativeObservable<T>;

export function toNative<T>(task$: Observable<T>, Native: NativeConstructor): NativeObservable<T> {
  return new Native((subscriber) => {
    const subscription = task$.subscribe(subscriber);
    subscriber.addTeardown(() => subscription.unsubscribe());
  });
}

export function fromNative<T>(native: NativeObservable<T>): Observable<T> {
  return new Observable((subscriber) => {
    const controller = new AbortController();
    native.subscribe(subscriber, controller);
    return () => controller.abort();
  });
}
