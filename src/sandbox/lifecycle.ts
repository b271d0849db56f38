import { windowOf, type PollWindows } from '../windows.js';
import type { SeededRandom } from './seeded-random.js';

/** How a task of the sandbox ends; `never` keeps it processing for ever. */
export type SandboxOutcome = 'completed' | 'failed' | 'cancelled' | 'never';

/** All that will happen to a task, known when it is created. Epoch ms. */
export interface Lifecycle {
  readonly createdAt: number;
  /** When the model begins; a task that fails in the queue ends before it. */
  readonly startsAt: number;
  readonly endsAt: number;
  readonly outcome: SandboxOutcome;
}

export type Phase = 'queued' | 'processing' | Exclude<SandboxOutcome, 'never'>;

export interface LifecycleOptions {
  readonly windows: PollWindows;
  readonly model: string;
  readonly outcome: SandboxOutcome;
  readonly createdAt: number;
  readonly speed: number;
}

/**
 * Chooses a lifecycle at random. A completed task takes a time from the documented range of its model, shorter ones
 * being likelier, and waits in the queue for the first 5 to 15 % of it. Failures and cancellations come anywhere
 * before.
 */
export function randomLifecycle(
  random: SeededRandom,
  { windows, model, outcome, createdAt, speed }: LifecycleOptions,
): Lifecycle {
  const { generation = [60_000, 300_000] } = windowOf(windows, model);
  const [shortest, longest] = generation;
  const whole = (shortest * (longest / shortest) ** random.number('generation')) / speed;
  const shares = { completed: 1, never: Infinity, failed: random.number('end'), cancelled: random.number('end') };
  return {
    createdAt,
    startsAt: createdAt + whole * (0.05 + 0.1 * random.number('queue')),
    endsAt: createdAt + whole * shares[outcome],
    outcome,
  };
}

export function phaseAt({ startsAt, endsAt, outcome }: Lifecycle, now: number): Phase {
  if (outcome !== 'never' && now >= endsAt) return outcome;
  return now >= startsAt ? 'processing' : 'queued';
}
