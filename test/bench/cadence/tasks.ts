import { generationsWindows, resultWindows, windowOf, type PollWindows, type Task } from 'rx-video-tasks';
import { drawExponential, drawLognormal, lognormal } from '../chance.js';

/** Models with the same windows and generation times. */
export interface Family {
  readonly name: string;
  readonly windows: PollWindows;
  /** How often to ask, where the document names one interval and the window is ours: in ms. */
  readonly interval?: number;
  /** As the answers name it; the generations wire names none before the end. */
  readonly model?: string;
  /** What an answer of a task that is so far done (0..1) says. @default what the gateway's adaptor says: 10 queued, 50 processing */
  readonly progress?: (done: number) => number;
}

// "About 15 s": see docs/decisions/0001.
const seedance2 = { windows: generationsWindows, interval: 15_000 };

/** The families that the targets are about. */
export const families: readonly Family[] = [
  { name: '480p', windows: resultWindows, model: 'seedance_1_5_pro_480p' },
  { name: '720p, VEO', windows: resultWindows, model: 'seedance_1_5_pro_720p' },
  { name: '1080p', windows: resultWindows, model: 'seedance_1_5_pro_1080p' },
  { name: 'Seedance 2.0', ...seedance2 },
];

/** A gateway that counts evenly. */
export const linear: Family = {
  name: 'Seedance 2.0, progress linear',
  ...seedance2,
  progress: (done) => Math.floor(100 * done),
};

export interface Scenario {
  readonly name: string;
  /** How long it takes, as a ratio to the documents. */
  readonly stretch?: number;
  /** How wide the times are spread, as a ratio to the documents. */
  readonly narrow?: number;
  /** Mean wait before the generating, as a ratio to the median generation time. */
  readonly queue?: number;
  /** Share of tasks that fail within 10 s. */
  readonly failing?: number;
}

export const scenarios: readonly Scenario[] = [
  { name: 'as documented' },
  { name: 'queueing', queue: 0.5 },
  { name: '5 % fail within 10 s', failing: 0.05 },
  { name: '1.6 times slower', stretch: 1.6 },
  { name: '0.6 times as long', stretch: 0.6 },
];

/** What will happen to a task, in ms from its creation. */
export interface Fate {
  readonly startsAt: number;
  readonly endsAt: number;
  readonly isFailing: boolean;
}

export function fateOf(family: Family, scenario: Scenario, random: () => number): Fate {
  const { stretch = 1, narrow = 1, queue = 0, failing = 0 } = scenario;
  const { generation = [60_000, 300_000] } = windowOf(family.windows, family.model);
  const times = lognormal(generation);
  const startsAt = drawExponential(queue * Math.exp(times.mu), random);
  const takes = stretch * drawLognormal({ ...times, sigma: narrow * times.sigma }, random);
  const isFailing = random() < failing;
  const failsAt = 10_000 * random();
  return isFailing ? { startsAt: 0, endsAt: failsAt, isFailing } : { startsAt, endsAt: startsAt + takes, isFailing };
}

/** What the service answers at a time from the creation, in ms. Its own times are in seconds. */
export function answerAt(age: number, { startsAt, endsAt, isFailing }: Fate, family: Family, createdAt: number): Task {
  const observedAt = createdAt + age;
  const { model, progress } = family;
  const common = {
    id: 'task',
    provider: 'benchmark',
    createdAt,
    observedAt,
    ...(model === undefined ? {} : { model }),
  };
  if (age < startsAt) return { ...common, status: 'queued', rawStatus: 'queued', progress: progress?.(0) ?? 10 };
  const startedAt = 1000 * Math.floor((createdAt + startsAt) / 1000);
  if (age < endsAt) {
    const done = (age - startsAt) / (endsAt - startsAt);
    const said = { status: 'processing', rawStatus: 'processing', progress: progress?.(done) ?? 50 } as const;
    // The result wire tells no start.
    return { ...common, ...said, ...(model === undefined ? { startedAt } : {}) };
  }
  // Nor does it tell the end.
  const ended = { ...common, ...(model === undefined ? { startedAt, finishedAt: createdAt + endsAt } : {}) };
  return isFailing
    ? { ...ended, status: 'failed', rawStatus: 'failed', failure: { message: 'no', kind: 'unknown' } }
    : { ...ended, status: 'completed', rawStatus: 'completed', video: { url: 'https://cdn.example/v' } };
}
