/* eslint-disable @typescript-eslint/no-deprecated -- the only renderer of React's own that needs no DOM */
import { createElement, StrictMode } from 'react';
import { act, create, type ReactTestRenderer } from 'react-test-renderer';
import { Subject } from 'rxjs';
import type { Task, TaskRef } from 'rx-video-tasks';
import { completedTask, queuedTask } from 'rx-video-tasks/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { effectScope, nextTick, ref } from 'vue';
import { useTask as useTaskInReact } from '../../docs/examples/use-task-react.js';
import { useTask as useTaskInVue } from '../../docs/examples/use-task-vue.js';

/** A tracker whose transitions the test emits. */
function manualTracker() {
  const tasks = new Map<string, Subject<Task>>();
  const of = (id: string) => tasks.get(id) ?? tasks.set(id, new Subject()).get(id) ?? new Subject<Task>();
  const trackAll = (refs: unknown) => of((refs as TaskRef[])[0] as string);
  const open = (id: string) => (of(id).observed ? 1 : 0);
  return {
    tracker: { trackAll } as never,
    emit: (task: Task): void => {
      of(task.id).next(task);
    },
    open,
  };
}

beforeAll(() => {
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true);
  // react-test-renderer warns that it is deprecated; it renders without a DOM.
  vi.spyOn(console, 'error').mockReturnValue();
});
afterAll(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test('React: useTask follows its id under StrictMode and leaves nothing subscribed', () => {
  const { tracker, emit, open } = manualTracker();
  const Clip = ({ id }: { id: string }) => useTaskInReact(tracker, id)?.status ?? 'asking';
  const page = (id: string) => createElement(StrictMode, null, createElement(Clip, { id }));
  let rendered!: ReactTestRenderer;
  act(() => {
    rendered = create(page('a'));
  });
  expect(rendered.toJSON()).toBe('asking');
  act(() => {
    emit(queuedTask({ id: 'a' }));
  });
  expect(rendered.toJSON()).toBe('queued');
  act(() => {
    rendered.update(page('b'));
  });
  expect([rendered.toJSON(), open('a'), open('b')]).toEqual(['asking', 0, 1]);
  act(() => {
    emit(completedTask({ id: 'b' }));
  });
  expect(rendered.toJSON()).toBe('completed');
  act(() => {
    rendered.unmount();
  });
  expect(open('b')).toBe(0);
});

test('Vue: useTask follows its id and leaves nothing subscribed', async () => {
  const { tracker, emit, open } = manualTracker();
  const scope = effectScope();
  const id = ref('a');
  const task = scope.run(() => useTaskInVue(tracker, id));
  emit(queuedTask({ id: 'a' }));
  expect(task?.value?.status).toBe('queued');
  id.value = 'b';
  await nextTick();
  expect([task?.value, open('a'), open('b')]).toEqual([undefined, 0, 1]);
  emit(completedTask({ id: 'b' }));
  expect(task?.value?.status).toBe('completed');
  scope.stop();
  expect(open('b')).toBe(0);
});
