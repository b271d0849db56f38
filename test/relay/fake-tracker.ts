import { Observable, Subject } from 'rxjs';
import type { Task, TaskRef, Tracker } from 'rx-video-tasks';

/** A tracker that emits what the test passes in. A late subscriber first gets the last transition, as from a real one. */
export interface FakeTracker extends Pick<Tracker, 'track'> {
  /** How many subscribers there are. */
  readonly subscriptions: number;
  /** The refs that were tracked, as they were given. */
  readonly asked: readonly TaskRef[];
  /** A transition of the task with this id; `seq` is counted here. */
  emit(task: Task): void;
  fail(id: string, error: Error): void;
  /** As if it had been made anew, or its `forget` had been called for one task: it counts from 1. */
  forget(id?: string): void;
  close(): void;
}

export function fakeTracker(): FakeTracker {
  const tasks = new Map<string, { subject: Subject<Task>; last?: Task }>();
  const asked: TaskRef[] = [];
  let subscriptions = 0;
  const of = (id: string) => {
    const one = tasks.get(id) ?? { subject: new Subject<Task>() };
    tasks.set(id, one);
    return one;
  };
  return {
    asked,
    get subscriptions() {
      return subscriptions;
    },
    track(ref) {
      const id = typeof ref === 'string' ? ref : ref.id;
      if (id === '') throw new TypeError('id: it is empty');
      return new Observable<Task>((subscriber) => {
        asked.push(ref);
        subscriptions++;
        const { subject, last } = of(id);
        if (last) subscriber.next(last);
        if (last && isOver(last)) subscriber.complete();
        else subscriber.add(subject.subscribe(subscriber));
        return () => subscriptions--;
      });
    },
    emit(task) {
      const one = of(task.id);
      const seq = (one.last?.seq ?? 0) + 1;
      one.last = { ...task, observedAt: 1000 * seq, seq };
      one.subject.next(one.last);
      if (isOver(task)) one.subject.complete();
    },
    fail(id, error) {
      of(id).subject.error(error);
      tasks.delete(id);
    },
    forget(id) {
      if (id === undefined) tasks.clear();
      else tasks.delete(id);
    },
    close() {
      for (const { subject } of tasks.values()) subject.complete();
    },
  };
}

const isOver = ({ status }: Task) => ['completed', 'failed', 'cancelled'].includes(status);
