import type { TrackedTask } from 'rx-video-tasks';
import { round, text } from './svg.js';

/**
 * The letter of each status in marble diagrams, as in `rx-video-tasks/testing`; its colour has the name of the status.
 */
export const LETTERS = {
  queued: 'q',
  processing: 'p',
  unknown: 'u',
  completed: 's',
  failed: 'f',
  cancelled: 'c',
  lost: 'l',
} as const satisfies Record<TrackedTask['status'], string>;

export const RADIUS = 11;

/** A circle with a letter in it; `kind` is its colour. */
export function marble(x: number, y: number, letter: string, kind: string, radius = RADIUS): string {
  const size = Math.round(radius * 1.2);
  return (
    `<circle class="${kind}" cx="${round(x)}" cy="${round(y)}" r="${radius}"/>` +
    text(x, y + size / 3, letter, { className: 'on', anchor: 'middle', weight: 600, size })
  );
}

export interface LegendEntry {
  /** What stands before the words, around this point. */
  readonly symbol: (x: number, y: number) => string;
  readonly words: string;
}

/** Symbols and what they mean, in as many rows as the width needs. Returns the drawing and its height. */
export function legend(entries: readonly LegendEntry[], { x = 0, y = 0, width = 0 }): [string, number] {
  let [left, top] = [x, y];
  const drawn = entries.map(({ symbol, words }) => {
    const taken = 2 * RADIUS + 8 + textWidth(words, 12) + 18;
    if (left > x && left + taken > x + width) [left, top] = [x, top + 2 * RADIUS + 6];
    const entry = symbol(left + RADIUS, top) + text(left + 2 * RADIUS + 8, top + 4, words, { size: 12 });
    left += taken;
    return entry;
  });
  return [drawn.join('\n'), top - y + 2 * RADIUS];
}

/** An upper bound: no font is known here. */
export function textWidth(words: string, size: number): number {
  return words.length * size * 0.58;
}
