import { ApplicationRef, signal } from '@angular/core';
import { afterEach, beforeEach, describe, expect, expectTypeOf, test, vi } from 'vitest';
import type { TaskRef, TrackedTask } from 'rx-video-tasks';
import { injectTracker, taskResource, type TaskResource } from 'rx-video-tasks/angular';
import { app, component, pass, relayedApp } from './app.js';
import { TestBed } from './test-bed.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  TestBed.resetTestingModule();
  vi.useRealTimers();
});

/** `status id task-status`, for short. */
const word = ({ status, value }: TaskResource) => `${status()} ${value()?.id ?? '-'} ${value()?.status ?? '-'}`;

describe('taskResource', () => {
  test('is loading until the first transition, then resolved with each, the terminal one too', async () => {
    const { log } = app({ a: ['q', 'p', 's'] });
    const { it: task } = component(() => taskResource('a'));
    expectTypeOf(task.value()).toEqualTypeOf<TrackedTask | undefined>();
    const seen = [word(task)];
    expect([task.isLoading(), task.hasValue(), task.error()]).toEqual([true, false, undefined]);
    for (let step = 0; step < 3; step++) {
      await pass(step === 0 ? 1 : 30_100);
      seen.push(word(task));
    }
    expect(seen).toEqual(['loading - -', 'resolved a queued', 'resolved a processing', 'resolved a completed']);
    expect([task.isLoading(), task.hasValue()]).toEqual([false, true]);
    const asks = log.length;
    await pass(100_000);
    expect(log).toHaveLength(asks);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('failed and lost tasks are values; reload subscribes again after lost', async () => {
    app({ a: ['forbidden', 'p'], b: ['f'] });
    const { it } = component(() => [taskResource('a'), taskResource('b')] as const);
    const [a, b] = it;
    expect(a.reload()).toBe(false);
    await pass(1);
    expect([word(a), word(b)]).toEqual(['resolved a lost', 'resolved b failed']);
    expect(it.map(({ error }) => error())).toEqual([undefined, undefined]);
    await pass(60_000);
    expect(a.reload()).toBe(true);
    TestBed.tick();
    expect(word(a)).toBe('reloading a lost');
    await pass(1);
    expect(word(a)).toBe('resolved a processing');
  });

  test('reload over a relay emits the last transition again, over the same stream', async () => {
    const { fetch } = relayedApp({ a: ['p'] });
    const { it: task } = component(() => taskResource('a'));
    await pass(100);
    expect(word(task)).toBe('resolved a processing');
    for (let round = 0; round < 2; round++) {
      expect(task.reload()).toBe(true);
      await pass(1);
      expect(word(task)).toBe('resolved a processing');
    }
    expect(fetch).toHaveBeenCalledTimes(1);
  });

  test('changes to the task that a signal names; idle while it names none', async () => {
    const { log } = app({ a: ['q', 'p'], b: ['p', 's'] });
    const id = signal<string | undefined>(undefined);
    const { it: task } = component(() => taskResource(id));
    await pass(1);
    expect([word(task), task.reload()]).toEqual(['idle - -', false]);
    id.set('a');
    await pass(1);
    expect(word(task)).toBe('resolved a queued');
    id.set('b');
    expect(word(task)).toBe('loading - -');
    await pass(1);
    expect(word(task)).toBe('resolved b processing');
    id.set(undefined);
    await pass(100_000);
    expect(word(task)).toBe('idle - -');
    expect(log.filter(({ type }) => type === 'request').map((one) => one.id)).toEqual(['a', 'b']);
  });

  test('a ref made anew that names the same task changes nothing', async () => {
    const { log } = app({ a: ['q'] });
    const turn = signal(0);
    const { it: task } = component(() => taskResource((): TaskRef => ({ id: 'a', model: `m${turn()}` })));
    await pass(1);
    turn.set(1);
    await pass(1);
    expect(word(task)).toBe('resolved a queued');
    expect(log.filter(({ type }) => type !== 'answer')).toHaveLength(1);
  });

  test('a bad ref throws at call time; from a signal it is a lost task', async () => {
    app({});
    expect(() => component(() => taskResource(''))).toThrow('id: "" is not usable');
    const { it: task } = component(() => taskResource(() => ''));
    await pass(1);
    expect(task.value()?.status).toBe('lost');
  });

  test('ends with its component', async () => {
    const { log } = app({ a: ['q', 'p'] });
    const { destroy } = component(() => taskResource('a'));
    await pass(1);
    destroy();
    const asks = log.length;
    await pass(100_000);
    expect(log).toHaveLength(asks);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a task that is loading keeps no application from being stable', async () => {
    app({ a: ['never'] });
    component(() => taskResource('a'));
    await pass(1);
    let isStable = false;
    void TestBed.inject(ApplicationRef)
      .whenStable()
      .then(() => (isStable = true));
    await pass(1);
    expect(isStable).toBe(true);
  });

  test('a closed tracker is resolved without a value', async () => {
    app({ a: ['never'] });
    const { it } = component(() => ({ task: taskResource('a'), tracker: injectTracker() }));
    await pass(1);
    it.tracker.close();
    await pass(1);
    expect(word(it.task)).toBe('resolved - -');
  });
});
