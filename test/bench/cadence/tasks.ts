import {
  generationsWindows,
  resultWindows,
  windowOf,
  type PollWindow,
  type PollWindows,
  type Task,
} from 'rx-video-tasks';
import { lognormal, type Lognormal } from '../chance.js';
import { lognormalEnds, normalQuantiles, withEarlyEnds, type Ends } from './normal.js';

/** Models with the same windows and generation times. */
export interface Family {
  readonly name: string;
  readonly windows: PollWindows;
  /** The model that the replies name; the generations wire names none before the end. */
  readonly model?: string;
  /** The progress that is replied for a task that is so far done (0..1). @default 10 queued, 50 processing, as the gateway's adaptor does */
  readonly progress?: (done: number) => number;
}

/** The families that the targets are about. */
export const families: readonly Family[] = [
  { name: '480p', windows: resultWindows, model: 'seedance_1_5_pro_480p' },
  { name: '720p', windows: resultWindows, model: 'seedance_1_5_pro_720p' },
  { name: '1080p', windows: resultWindows, model: 'seedance_1_5_pro_1080p' },
  { name: 'VEO', windows: resultWindows, model: 'veo_3_1_fast' },
  { name: 'Sora', windows: resultWindows, model: 'sora-2' },
  { name: 'Grok', windows: resultWindows, model: 'grok_video3' },
  { name: 'Vidu turbo', windows: resultWindows, model: 'viduq3-turbo' },
  { name: 'Seedance 2.0, result', windows: resultWindows, model: 'seedance_2_0' },
  { name: 'Seedance 2.0, generations', windows: generationsWindows },
];

/** A gateway whose progress is linear. */
export const linear: Family = {
  name: 'Seedance 2.0, progress linear',
  windows: generationsWindows,
  progress: (done) => Math.floor(100 * done),
};

export interface FamilyWindow extends Required<Omit<PollWindow, 'generation'>> {
  readonly times: Lognormal;
}

/** The documented window of a family, with all defaults filled in. */
export function documentOf({ windows, model }: Family): FamilyWindow {
  const { min, max, floor = 10_000, interval = (min + max) / 2, generation } = windowOf(windows, model);
  if (!generation) throw new Error(`${model ?? '*'} has no documented generation time`);
  return { min, max, floor, interval, times: lognormal(generation) };
}

export interface Scenario {
  readonly name: string;
  /** Generation time, as a ratio to the document. */
  readonly stretch?: number;
  /** Spread of the generation times, as a ratio to the document. */
  readonly narrow?: number;
  /** Mean time in a queue before the generation, as a ratio to the median generation time. */
  readonly queue?: number;
  /** Share of tasks that fail within 10 s. */
  readonly failing?: number;
}

export const asDocumented: Scenario = { name: 'as documented' };

/** What documents do not mention, or get wrong. */
export const wrong: readonly Scenario[] = [
  { name: 'queueing', queue: 0.5 },
  { name: '5 % fail within 10 s', failing: 0.05 },
  { name: '1.6 times slower', stretch: 1.6 },
  { name: '0.6 times as long', stretch: 0.6 },
];

const FAILS_WITHIN = 10_000;

/** What happens to a task, in ms from its creation. */
export interface Fate {
  readonly startsAt: number;
  readonly endsAt: number;
  readonly isFailing: boolean;
}

/**
 * Stratified fates: generation times are quantiles in even steps, so that the means hold no sampling error. Times in the
 * queue are quantiles too, in an order that is unrelated (multiples of the golden ratio).
 */
export function fatesOf(family: Family, scenario: Scenario, count: number): readonly Fate[] {
  const { queue = 0, failing = 0 } = scenario;
  const { mu, sigma } = truthOf(family, scenario);
  const usual = Math.exp(documentOf(family).times.mu);
  return normalQuantiles(count).map((z, i) => {
    const order = (i * 0.6180339887498949) % 1;
    if (order < failing) return { startsAt: 0, endsAt: (FAILS_WITHIN * order) / failing, isFailing: true };
    const startsAt = -queue * usual * Math.log(1 - order);
    return { startsAt, endsAt: startsAt + Math.exp(mu + sigma * z), isFailing: false };
  });
}

/** The generation times of a scenario. */
export function truthOf(family: Family, { stretch = 1, narrow = 1 }: Scenario): Lognormal {
  const { mu, sigma } = documentOf(family).times;
  return { mu: mu + Math.log(stretch), sigma: narrow * sigma };
}

/** When the tasks of a scenario end, without its queue. */
export function endsOf(family: Family, scenario: Scenario): Ends {
  const ends = lognormalEnds(truthOf(family, scenario));
  return scenario.failing ? withEarlyEnds(scenario.failing, FAILS_WITHIN, ends) : ends;
}

/** The service's reply at a time from the creation, in ms. Its own times are in seconds. */
export function replyAt(age: number, { startsAt, endsAt, isFailing }: Fate, family: Family, createdAt: number): Task {
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
    const running = { status: 'processing', rawStatus: 'processing', progress: progress?.(done) ?? 50 } as const;
    // The result wire has no time of the start.
    return { ...common, ...running, ...(model === undefined ? { startedAt } : {}) };
  }
  // Nor of the end.
  const ended = { ...common, ...(model === undefined ? { startedAt, finishedAt: createdAt + endsAt } : {}) };
  return isFailing
    ? { ...ended, status: 'failed', rawStatus: 'failed', failure: { message: 'no', kind: 'unknown' } }
    : { ...ended, status: 'completed', rawStatus: 'completed', video: { url: 'https://cdn.example/v' } };
}
