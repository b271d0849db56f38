import { createEnvironmentInjector, EnvironmentInjector, Injector, runInInjectionContext } from '@angular/core';
import { vi } from 'vitest';
import { createGate, createTracker, xingchaoyiqing } from 'rx-video-tasks';
import { provideVideoTasks } from 'rx-video-tasks/angular';
import { scriptedTransport } from 'rx-video-tasks/testing';
import { startApp, TestBed } from './test-bed.js';

/** An application with a tracker over a script; each query is answered at once, 30 s apart. */
export function app(script: Parameters<typeof scriptedTransport>[0]) {
  const { transport, log } = scriptedTransport(script, { latency: 0 });
  const create = vi.fn(() =>
    createTracker({
      provider: xingchaoyiqing({ apiKey: 'k1234567' }),
      transport,
      gate: createGate(),
      random: () => 0,
      interval: 30_000,
    }),
  );
  startApp(provideVideoTasks(create));
  return { log, create };
}

/** What `body` returns inside an injector of its own, which ends as a component does. */
export function component<T>(body: () => T): { readonly it: T; readonly destroy: () => void } {
  const injector = createEnvironmentInjector([], TestBed.inject(EnvironmentInjector));
  const it = runInInjectionContext(injector.get(Injector), body);
  return {
    it,
    destroy: () => {
      injector.destroy();
    },
  };
}

/** Advances time, with change detection before and after. */
export async function pass(ms: number): Promise<void> {
  TestBed.tick();
  await vi.advanceTimersByTimeAsync(ms);
  TestBed.tick();
}
