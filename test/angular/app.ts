import { createEnvironmentInjector, EnvironmentInjector, Injector, runInInjectionContext } from '@angular/core';
import { vi } from 'vitest';
import { createGate, createTracker, relayTracker, xingchaoyiqing } from 'rx-video-tasks';
import { provideVideoTasks } from 'rx-video-tasks/angular';
import { relayHandler } from 'rx-video-tasks/relay';
import { scriptedTransport } from 'rx-video-tasks/testing';
import { startApp, TestBed } from './test-bed.js';

type Script = Parameters<typeof scriptedTransport>[0];

/** An application with a tracker over a script; each query is answered at once, 30 s apart. */
export function app(script: Script) {
  const { tracker, log } = scripted(script);
  const create = vi.fn(tracker);
  startApp(provideVideoTasks(create));
  return { log, create };
}

/** An application whose tracker is fed by a relay over such a tracker. */
export function relayedApp(script: Script) {
  const tracker = scripted(script).tracker();
  const relay = relayHandler({ tracker, authorize: (_request, refs) => ({ subject: 's', refs }) });
  const fetch = vi.fn((url: string | URL | Request, init?: RequestInit) => relay(new Request(url, init)));
  startApp(provideVideoTasks(() => relayTracker({ url: 'https://app.test/tasks', fetch })));
  return { fetch };
}

function scripted(script: Script) {
  const { transport, log } = scriptedTransport(script, { latency: 0 });
  const tracker = () =>
    createTracker({
      provider: xingchaoyiqing({ apiKey: 'k1234567' }),
      transport,
      gate: createGate(),
      random: () => 0,
      interval: 30_000,
    });
  return { tracker, log };
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
