import { check } from './options.js';

/** How often to ask about a task of one model, and how long it takes. All in ms. */
export interface PollWindow {
  /** The shortest wait that the service recommends, in ms. */
  readonly min: number;
  /** The longest wait that the service recommends, in ms. */
  readonly max: number;
  /** The shortest time from one ask to the next, in ms. @default 10_000 */
  readonly floor?: number;
  /**
   * The one interval that the service recommends, where its document names one. The cadences `window` and `economical`
   * see the end of a task as soon as a timer of this interval, on average.
   * @default the middle of `min` and `max`
   */
  readonly interval?: number;
  /**
   * How long generating takes, in ms, from the shortest to the longest; waits are spaced by it.
   * @default none: waits
   * are drawn evenly from the window
   */
  readonly generation?: readonly [shortest: number, longest: number];
}

/**
 * Windows by name: a model's exact name, a prefix that ends in `*`, `flex` (the offline service tier, which no model's
 * name contains), and `*` for all the rest.
 */
export type PollWindows = Readonly<Record<string, PollWindow>>;

/**
 * What the services ask for unless their documents say otherwise: "avoid polling more frequently than every 10
 * seconds" (https://docs.xingchaoyiqing.com).
 */
export const DEFAULT_FLOOR = 10_000;

/** Waits and floor in seconds, generation time in minutes. */
const row = (min: number, max: number, shortest: number, longest: number, floor = 10): PollWindow => ({
  min: min * 1000,
  max: max * 1000,
  floor: floor * 1000,
  generation: [shortest * 60_000, longest * 60_000],
});

const DEFAULT_WINDOW = /* @__PURE__ */ row(30, 60, 1, 8);

/** The windows that the documents of the result wire recommend, for every model family sold there. */
export const resultWindows: PollWindows = {
  seedance_1_5_pro_480p: row(10, 20, 0.5, 2),
  seedance_1_5_pro_720p: row(30, 60, 2, 5),
  seedance_1_5_pro_1080p: row(30, 60, 3, 8),
  'seedance_2_0*': row(20, 40, 1, 5),
  'veo_*': row(30, 60, 2, 5, 30),
  'sora-2*': row(30, 60, 2, 15),
  'openAiSora2*': row(30, 60, 2, 15),
  'grok_video3*': row(30, 60, 2, 8),
  'viduq3-turbo': row(30, 60, 2, 4),
  'viduq3-pro': row(30, 60, 3, 6),
  flex: { min: 60_000, max: 120_000 },
  '*': DEFAULT_WINDOW,
};

/**
 * The windows of the generations wire, which recommends "about 15 s" for everything on it (https://docs.anyfast.ai). Its
 * gateway asks its upstream every 15 s (QuantumNous/new-api, service/task_polling.go), so asking sooner shows nothing
 * new. The 5 s above it are for cadences to choose from; they keep the mean latency of a 15 s timer.
 */
export const generationsWindows: PollWindows = {
  '*': { min: 15_000, max: 20_000, floor: 15_000, interval: 15_000, generation: [60_000, 300_000] },
};

/**
 * Returns the window of a model: by exact name, else by the longest prefix, else `*`, else 30 to 60 s.
 * @throws TypeError for windows that are no object.
 */
export function windowOf(windows: PollWindows, model?: string): PollWindow {
  check('windows', windows, Object(windows) === windows, 'an object such as resultWindows');
  return windows[windowName(windows, model)] ?? DEFAULT_WINDOW;
}

/** The name under which a model's window stands. */
export function windowName(windows: PollWindows, model = ''): string {
  let best = '*';
  for (const name in windows) {
    if (name === model) return name;
    if (name.length > best.length && name.endsWith('*') && model.startsWith(name.slice(0, -1))) best = name;
  }
  return best;
}
