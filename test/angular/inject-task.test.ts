import { computed, Injector, NgZone, signal, type Signal } from '@angular/core';
import { rxResource, toSignal } from '@angular/core/rxjs-interop';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { TaskRef, TrackedTask } from 'rx-video-tasks';
import { injectTask, injectTracker, provideVideoTasks } from 'rx-video-tasks/angular';
import { app, component, pass, relayedApp } from './app.js';
import { startApp, TestBed } from './test-bed.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  TestBed.resetTestingModule();
  vi.useRealTimers();
});

const word = (task: Signal<TrackedTask | undefined>) => {
  const now = task();
  return now && `${now.id} ${now.status}`;
};
describe('injectTask', () => {
  test('is the last transition; ends with its component, without a timer left', async () => {
    const { log } = app({ a: ['q', 'p', 'p', 's'], b: ['q'] });
    const { it: a } = component(() => injectTask('a'));
    const b = component(() => injectTask({ id: 'b' }));
    const seen = [];
    for (let step = 0; step < 4; step++) {
      await pass(step === 0 ? 1 : 30_100);
      seen.push(word(a));
    }
    expect(seen).toEqual(['a queued', 'a processing', 'a processing', 'a completed']);
    expect(word(b.it)).toBe('b queued');
    b.destroy();
    const asks = log.length;
    await pass(100_000);
    expect(log).toHaveLength(asks);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('takes a signal as its ref: switches tasks, and never shows the one before under the name of the next', async () => {
    const { log } = app({ a: ['q', 'p'], b: ['p', 's'] });
    const id = signal<string | undefined>('a');
    const { it: task } = component(() => injectTask(id));
    await pass(1);
    expect(word(task)).toBe('a queued');
    id.set('b');
    expect(task()).toBeUndefined();
    await pass(1);
    expect(word(task)).toBe('b processing');
    id.set(undefined);
    expect(task()).toBeUndefined();
    await pass(100_000);
    expect(log.filter(({ type }) => type === 'request').map((one) => one.id)).toEqual(['a', 'b']);
    id.set('a');
    await pass(1);
    expect(word(task)).toBe('a processing');
  });

  test('over a relay, a signal that changes back within a turn gets the last transition again', async () => {
    const { fetch } = relayedApp({ a: ['p'], b: ['q'] });
    const id = signal('a');
    const { it: tasks } = component(() => [injectTask(id), injectTask('b')] as const);
    const [task] = tasks;
    await pass(100);
    const seen = [];
    for (const next of ['a', 'b', 'a']) {
      id.set(next);
      TestBed.tick();
      seen.push(word(task));
    }
    expect(seen).toEqual(['a processing', 'b queued', 'a processing']);
    await pass(1);
    expect(fetch).toHaveBeenCalledTimes(1);
  });

  test('a ref made anew that names the same task is no change', async () => {
    const { log } = app({ a: ['q'] });
    const turn = signal(0);
    const { it: task } = component(() => injectTask((): TaskRef => ({ id: 'a', model: `m${turn()}` })));
    await pass(1);
    turn.set(1);
    expect(word(task)).toBe('a queued');
    await pass(1);
    expect(word(task)).toBe('a queued');
    expect(log.filter(({ type }) => type !== 'answer')).toHaveLength(1);
  });

  test('what cannot be tracked is a value: lost', async () => {
    app({ a: ['forbidden'] });
    const id = signal('');
    const { it } = component(() => [injectTask('a'), injectTask(id)] as const);
    await pass(1);
    expect(it.map((task) => task()?.status)).toEqual(['lost', 'lost']);
    expect(() => component(() => injectTask(''))).toThrow('id: "" is not usable');
  });

  test('subscribes outside the zone', () => {
    app({ a: ['q'] });
    const zone = TestBed.inject(NgZone);
    const outside = vi.spyOn(zone, 'runOutsideAngular');
    component(() => injectTask('a'));
    expect(outside).toHaveBeenCalledOnce();
  });

  test("works with computed, and with an injector of one's own", async () => {
    app({ a: ['p'] });
    const injector = TestBed.inject(Injector);
    expect(() => injectTask('a')).toThrow('injection context');
    const task = injectTask('a', { injector });
    const isRunning = computed(() => task()?.status === 'processing');
    expect(isRunning()).toBe(false);
    await pass(1);
    expect(isRunning()).toBe(true);
  });
});

describe('injectTracker', () => {
  test('is made when it is first asked for, once, and closed with the application', () => {
    const { create } = app({});
    expect(create).not.toHaveBeenCalled();
    const tracker = TestBed.runInInjectionContext(injectTracker);
    expect(TestBed.runInInjectionContext(injectTracker)).toBe(tracker);
    expect(create).toHaveBeenCalledOnce();
    TestBed.resetTestingModule();
    expect(() => tracker.track('a')).toThrow('closed');
  });

  test('names the remedy where none is provided, or none can be', () => {
    startApp();
    expect(() => TestBed.runInInjectionContext(injectTracker)).toThrow('write provideVideoTasks(() => relayTracker(');
    expect(() => provideVideoTasks({} as never)).toThrow(
      'provideVideoTasks: [object Object] is not usable; write a function',
    );
  });

  test('its streams work with toSignal and rxResource', async () => {
    app({ a: ['q', 'p'], b: ['s'] });
    const id = signal('b');
    const { it } = component(() => {
      const tracker = injectTracker();
      return {
        task: toSignal(tracker.trackAll(['a'])),
        resource: rxResource({ params: () => id(), stream: ({ params }) => tracker.track(params) }),
      };
    });
    await pass(1);
    expect(it.task()?.status).toBe('queued');
    expect(it.resource.value()?.status).toBe('completed');
    id.set('a');
    await pass(30_001);
    expect(it.task()?.status).toBe('processing');
    expect(it.resource.value()?.status).toBe('processing');
  });
});
