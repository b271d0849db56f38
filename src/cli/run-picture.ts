import { isTerminal, type TrackedTask } from 'rx-video-tasks';
import { cell } from './columns.js';
import { clock, counted } from './format.js';
import { legend, LETTERS, marble, type LegendEntry } from './marble.js';
import type { TaskHistory } from './run-record.js';
import { round, svg, text } from './svg.js';

export interface RunPictureOptions {
  /** How long the run has taken, in ms. */
  readonly elapsedMs: number;
  /** How many times faster than real it is. */
  readonly speed: number;
}

/** The most tasks that have a line of their own. */
const MOST_LINES = 100;

const MARGIN = 20;
const TOP = 62;
const LEFT = 248;
const TIMELINE = 690;
const WIDTH = LEFT + TIMELINE + 40;
const ROW = 38;
/** Columns of a label. */
const LABEL = 29;
/** px */
const RADIUS = 8;
const DOT = 3;

type Scale = (at: number) => number;
type Status = TrackedTask['status'];

/**
 * A marble diagram of a run: a line for each task with a tick for each query, a marble for each change of status and a
 * dot for each other transition; below them, all transitions merged.
 */
export function drawRun(tasks: readonly TaskHistory[], { elapsedMs, speed }: RunPictureOptions): string {
  const total = Math.max(elapsedMs, 1);
  const scale: Scale = (at) => LEFT + (TIMELINE * at) / total;
  const shown = tasks.slice(0, MOST_LINES);
  const hidden = tasks.length - shown.length;
  const merged = TOP + shown.length * ROW + 10;
  const axis = merged + 36 + (hidden > 0 ? 12 : 0);
  const [meanings, height] = legend(meaningsOf(tasks), { x: MARGIN, y: axis + 50, width: WIDTH - 2 * MARGIN });
  const pace = speed === 1 ? '' : `   1 s is ${speed} s of a real service`;
  return svg(
    WIDTH,
    axis + 50 + height,
    `Marble diagram of a run: ${describeRun(tasks)}`,
    [
      text(MARGIN, 30, describeRun(tasks), { weight: 600 }),
      text(WIDTH - MARGIN, 30, pace.trim(), { anchor: 'end', size: 12, className: 'soft' }),
      ...timeAxis(total, axis, scale),
      ...shown.flatMap((task, nth) => taskLine(task, TOP + nth * ROW, total, scale)),
      text(MARGIN, merged + 4, 'all, merged', { weight: 600 }),
      ...(hidden > 0 ? [text(MARGIN, merged + 20, `with ${hidden} more tasks`, { size: 11, className: 'soft' })] : []),
      `<path class="line" d="M${LEFT} ${merged}H${LEFT + TIMELINE}"/>`,
      ...dots(
        tasks.flatMap(({ transitions }) => transitions).sort((a, b) => a.at - b.at),
        merged,
        scale,
        DOT + 1,
      ),
      meanings,
    ].join('\n'),
  );
}

function describeRun(tasks: readonly TaskHistory[]): string {
  const sum = (of: (task: TaskHistory) => number) => tasks.reduce((all, task) => all + of(task), 0);
  const [polls, missed] = [sum((task) => task.polls.length), sum((task) => task.misses.length)];
  return [
    counted(tasks.length, 'task'),
    counted(polls, 'poll') + (missed > 0 ? ` (${missed} missed)` : ''),
    counted(
      sum((task) => task.transitions.length),
      'transition',
    ),
  ].join(', ');
}

function taskLine(
  { provider, id, model, polls, misses, transitions }: TaskHistory,
  y: number,
  total: number,
  scale: Scale,
) {
  const last = transitions.at(-1);
  const isOver = last !== undefined && (last.status === 'lost' || isTerminal(last));
  const changes = transitions.filter(({ status }, nth) => status !== transitions[nth - 1]?.status);
  const others = transitions.filter((transition) => !changes.includes(transition));
  return [
    text(MARGIN, y - 1, `${label(provider, 15)} ${label(id, 13)}`, { size: 12 }),
    ...(model === undefined ? [] : [text(MARGIN, y + 13, label(model, LABEL), { size: 11, className: 'soft' })]),
    `<path class="line" d="M${LEFT} ${y}H${round(isOver ? scale(last.at) : scale(total))}"/>`,
    ticks(polls, y, scale),
    crosses(misses, y, scale),
    ...dots(others, y, scale, DOT),
    ...changes.map(({ at, status }) => marble(scale(at), y, LETTERS[status], status, RADIUS)),
  ];
}

/** At most one for each pixel: a run of a day has thousands of polls. */
function ticks(times: readonly number[], y: number, scale: Scale): string {
  const columns = new Set(times.map((at) => Math.round(scale(at))));
  if (columns.size === 0) return '';
  return `<path class="tick" stroke-width="1.5" d="${[...columns].map((x) => `M${x} ${y + 4}v10`).join('')}"/>`;
}

function crosses(times: readonly number[], y: number, scale: Scale): string {
  const columns = new Set(times.map((at) => Math.round(scale(at))));
  if (columns.size === 0) return '';
  return `<path class="miss" stroke-width="2" d="${[...columns].map((x) => `M${x - 4} ${y + 4}l8 8m0 -8l-8 8`).join('')}"/>`;
}

function dots(
  transitions: readonly { readonly at: number; readonly status: Status }[],
  y: number,
  scale: Scale,
  radius: number,
): string[] {
  const drawn = new Map(transitions.map(({ at, status }) => [`${Math.round(scale(at))} ${status}`, { at, status }]));
  return [...drawn.values()].map(
    ({ at, status }) => `<circle class="${status}" cx="${round(scale(at))}" cy="${y}" r="${radius}"/>`,
  );
}

/** ms between the marks of an axis. */
const STEPS = [100, 200, 500, ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800].map((seconds) => seconds * 1000)];
const HOUR = 3_600_000;
const MOST_MARKS = 12;

function timeAxis(total: number, y: number, scale: Scale): string[] {
  const step = STEPS.find((step) => total / step <= MOST_MARKS) ?? HOUR * Math.ceil(total / HOUR / MOST_MARKS);
  const marks = Array.from({ length: Math.floor(total / step) + 1 }, (_, nth) => nth * step);
  return [
    `<path class="line" opacity="0.35" d="${marks.map((at) => `M${round(scale(at))} ${TOP - 16}V${y}`).join('')}"/>`,
    ...marks.map((at) =>
      text(scale(at), y + 16, total < HOUR / 6 ? `${at / 1000} s` : clock(at), {
        anchor: 'middle',
        size: 11,
        className: 'soft',
      }),
    ),
  ];
}

/** Only what the picture shows. */
function meaningsOf(tasks: readonly TaskHistory[]): LegendEntry[] {
  const seen = new Set(tasks.flatMap(({ transitions }) => transitions.map(({ status }) => status)));
  const statuses = (Object.keys(LETTERS) as Status[]).filter((status) => seen.has(status));
  const isMissed = tasks.some(({ misses }) => misses.length > 0);
  return [
    { symbol: (x, y) => ticks([0], y - 7, () => x), words: 'poll' },
    ...(isMissed ? [{ symbol: (x: number, y: number) => crosses([0], y - 8, () => x), words: 'missed poll' }] : []),
    ...statuses.map((status) => ({
      symbol: (x: number, y: number) => marble(x, y, LETTERS[status], status, RADIUS),
      words: status,
    })),
    {
      symbol: (x, y) => `<circle class="processing" cx="${x}" cy="${y}" r="${DOT}"/>`,
      words: 'same status, other progress',
    },
  ];
}

function label(words: string, columns: number): string {
  return cell(words, columns).trimEnd();
}
