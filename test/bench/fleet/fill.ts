import { setTimeout as sleep } from 'node:timers/promises';
import { firstValueFrom } from 'rxjs';
import { defineProvider, resultWindows, resultWire } from 'rx-video-tasks';
import { fleetTracker } from 'rx-video-tasks/bullmq';

export const acme = defineProvider({
  name: 'acme',
  baseUrl: 'https://acme.example',
  wire: resultWire,
  windows: resultWindows,
});

export const idsOf = (tasks: number): string[] => Array.from({ length: tasks }, (_, at) => `task_${at}`);

export interface Filling {
  readonly connection: string;
  readonly tasks: number;
}

/** Has a fleet track tasks; nobody polls them yet. */
export async function fill({ connection, tasks }: Filling): Promise<void> {
  const tracker = fleetTracker({ connection, provider: acme({ apiKey: null }), onError: () => undefined });
  const subscription = tracker.trackAll(idsOf(tasks)).subscribe();
  let open = 0;
  while (open < tasks) {
    await sleep(200);
    const { delayed, due, active } = await firstValueFrom(tracker.stats());
    open = delayed + due + active;
  }
  subscription.unsubscribe();
  tracker.close();
}
