/** How often to ask about a task of one model, and how long it takes. All in ms. */
export interface PollWindow {
  /** The shortest wait that the service recommends. */
  readonly min: number;
  /** The longest wait that the service recommends. */
  readonly max: number;
  /** Never ask sooner than this after the last ask. @default 10_000 */
  readonly floor?: number;
  /** The documented generation time, from the shortest to the longest. */
  readonly generation?: readonly [shortest: number, longest: number];
}

/**
 * Windows by name: a model's exact name, a prefix that ends in `*`, `flex` (the offline service tier, which no model's
 * name tells), and `*` for all the rest.
 */
export type PollWindows = Readonly<Record<string, PollWindow>>;

/** What the services ask for unless their documents say otherwise: "avoid polling more frequently than every 10 seconds". */
export const DEFAULT_FLOOR = 10_000;

const seconds = (min: number, max: number) => ({ min: min * 1000, max: max * 1000 });
const minutes = (shortest: number, longest: number) => ({ generation: [shortest * 60_000, longest * 60_000] as const });

const DEFAULT_WINDOW: PollWindow = { ...seconds(30, 60), ...minutes(1, 8) };

/** The windows that the documents of the result wire recommend, for every model family sold there. */
export const resultWindows: PollWindows = {
  seedance_1_5_pro_480p: { ...seconds(10, 20), ...minutes(0.5, 2) },
  seedance_1_5_pro_720p: { ...seconds(30, 60), ...minutes(2, 5) },
  seedance_1_5_pro_1080p: { ...seconds(30, 60), ...minutes(3, 8) },
  'seedance_2_0*': { ...seconds(20, 40), ...minutes(1, 5) },
  'veo_*': { ...seconds(30, 60), floor: 30_000, ...minutes(2, 5) },
  'sora-2*': { ...seconds(30, 60), ...minutes(2, 15) },
  'openAiSora2*': { ...seconds(30, 60), ...minutes(2, 15) },
  'grok_video3*': { ...seconds(30, 60), ...minutes(2, 8) },
  'viduq3-turbo': { ...seconds(30, 60), ...minutes(2, 4) },
  'viduq3-pro': { ...seconds(30, 60), ...minutes(3, 6) },
  flex: seconds(60, 120),
  '*': DEFAULT_WINDOW,
};

/**
 * The generations wire recommends "about 15 s" for everything on it. Its gateway refreshes itself every 15 s, so asking
 * sooner shows nothing new; the 5 s above it let tasks that started together drift apart.
 */
export const generationsWindows: PollWindows = {
  '*': { ...seconds(15, 20), floor: 15_000, ...minutes(1, 5) },
};

/** The window of a model: by exact name, else by the longest prefix, else `*`, else 30 to 60 s. */
export function windowOf(windows: PollWindows, model: string | undefined): PollWindow {
  if (model === undefined) return windows['*'] ?? DEFAULT_WINDOW;
  if (Object.hasOwn(windows, model)) return windows[model] as PollWindow;
  let longest = '*';
  for (const name of Object.keys(windows)) {
    if (name.endsWith('*') && name.length > longest.length && model.startsWith(name.slice(0, -1))) longest = name;
  }
  return windows[longest] ?? DEFAULT_WINDOW;
}
