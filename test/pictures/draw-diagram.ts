import { TestScheduler } from 'rxjs/testing';
import { legend, marble, RADIUS, textWidth } from '../../src/cli/marble.js';
import { MONO, round, svg, text } from '../../src/cli/svg.js';
import type { Diagram } from './marbles.js';

const LEFT = 104;
const MARGIN = 20;
const ROW = 40;
const BOX = 36;
/** Frames: the longest wait that is drawn to scale, and the width of a longer one. */
const LONGEST = 9;
const WAIT = 4;
/** px: the width that a diagram fills where it can, and the least and largest width of a frame. */
const TIMELINE = 430;
const FRAME = { min: 27, max: 64 };

interface Line {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly events: readonly { readonly frame: number; readonly letter: string }[];
  readonly ending?: 'C' | 'E' | undefined;
}

/** A marble diagram as RxJS's pages draw them: the sources, the operator, and what comes out. Time runs to the right. */
export function drawDiagram(diagram: Diagram): string {
  const { operator, legend: meanings, notes = {} } = diagram;
  const lines = linesOf(diagram);
  const result = lines.at(-1) as Line;
  const place = scale(lines);
  const right = Math.max(...lines.map(({ end }) => place(end))) + 30;
  const boxWidth = Math.ceil(Math.max(right, LEFT + TIMELINE + 22, LEFT + textWidth(operator, 13) + 20) - LEFT + 22);
  const width = LEFT - 22 + boxWidth + MARGIN;

  const rows = lines.map((line, nth) => ({ line, y: 34 + nth * ROW + (line === result ? BOX + 14 : 0) }));
  const box = 34 + (lines.length - 1) * ROW - 16;
  const noted = Object.keys(notes).length > 0 ? 16 : 0;
  const last = (rows.at(-1)?.y ?? 0) + 36 + noted;
  const [entries, height] = legend(
    Object.entries(meanings).map(([letter, [kind, words]]) => ({
      symbol: (x, y) => (letter === '#' ? cross(x, y) : marble(x, y, letter, kind)),
      words,
    })),
    { x: MARGIN, y: last + 12, width: width - 2 * MARGIN },
  );
  const kindOf = (letter: string) => meanings[letter]?.[0] ?? 'other';
  return svg(
    width,
    last + height + 18,
    `Marble diagram of ${operator}`,
    [
      ...rows.flatMap(({ line, y }) => [
        text(LEFT - 24, y + 4, line.name, { anchor: 'end', className: 'soft' }),
        ...axis(line, y, place, lines),
        ...line.events.map(({ frame, letter }) => marble(place(frame), y, letter, kindOf(letter))),
        ...(line === result
          ? line.events.flatMap(({ frame, letter }) =>
              notes[letter] === undefined
                ? []
                : [text(place(frame), y + 28, notes[letter], { anchor: 'middle', size: 11, className: 'soft' })],
            )
          : []),
      ]),
      `<rect class="room" x="${LEFT - 22}" y="${box}" width="${boxWidth}" height="${BOX}" rx="6"/>`,
      text(LEFT - 22 + boxWidth / 2, box + BOX / 2 + 4.5, operator, { anchor: 'middle', font: MONO }),
      entries,
    ].join('\n'),
  );
}

/** Reads the strings as the TestScheduler does. */
function linesOf({ sources, result }: Diagram): Line[] {
  return new TestScheduler(() => undefined).run(() => [
    ...sources.map(({ name, marbles, subscription }) => {
      const { subscribedFrame: start, unsubscribedFrame: end } = TestScheduler.parseMarblesAsSubscriptions(
        subscription,
        true,
      );
      return lineOf(name, marbles, start, end);
    }),
    lineOf('result', result, 0, Infinity),
  ]);
}

function lineOf(name: string, marbles: string, start: number, unsubscribed: number): Line {
  const messages = TestScheduler.parseMarbles(marbles, undefined, undefined, false, true)
    .map(({ frame, notification }) => ({ frame: start + frame, notification }))
    .filter(({ frame }) => frame <= unsubscribed);
  const over = messages.find(({ notification: { kind } }) => kind !== 'N');
  const end = Math.min(unsubscribed, over?.frame ?? Infinity);
  return {
    name,
    start,
    end,
    events: messages.flatMap(({ frame, notification }) =>
      notification.kind === 'N' ? [{ frame, letter: String(notification.value) }] : [],
    ),
    ending: over?.notification.kind as 'C' | 'E' | undefined,
  };
}

/** Where each frame is drawn: to scale, except for long waits without an event on any line. */
function scale(lines: readonly Line[]): (frame: number) => number {
  const frames = framesOf(lines);
  const places = new Map<number, number>();
  let [x, before] = [0, 0];
  for (const frame of frames) {
    const wait = frame - before;
    x += wait > LONGEST ? WAIT : wait;
    places.set(frame, x);
    before = frame;
  }
  const px = Math.min(FRAME.max, Math.max(FRAME.min, TIMELINE / x));
  return (frame) => LEFT + (places.get(frame) ?? 0) * px;
}

function framesOf(lines: readonly Line[]): number[] {
  const all = lines.flatMap(({ start, end, events }) => [start, end, ...events.map(({ frame }) => frame)]);
  return [...new Set([0, ...all])].sort((a, b) => a - b);
}

/** The line from subscription to end; waits that are not to scale are dashed and say how long they are. */
function axis(line: Line, y: number, place: (frame: number) => number, lines: readonly Line[]): string[] {
  const frames = framesOf(lines).filter((frame) => frame >= line.start && frame <= line.end);
  const parts = frames.slice(1).flatMap((frame, nth) => {
    const [from, to] = [frames[nth] ?? 0, frame];
    const isShort = to - from <= LONGEST;
    const [a, b] = [place(from), place(to)];
    const path = `<path class="line" stroke-width="1.5"${isShort ? '' : ' stroke-dasharray="4 4"'} d="M${round(a)} ${y}H${round(b)}"/>`;
    if (isShort) return [path];
    return [
      path,
      text((a + b) / 2, y - 8, `${(to - from) / 1000} s`, { anchor: 'middle', size: 12, className: 'soft' }),
    ];
  });
  const end = place(line.end);
  if (line.ending === 'E') return [...parts, cross(end, y)];
  if (line.ending === undefined) return parts;
  const isMarble = line.events.some(({ frame }) => frame === line.end);
  const x = end + (isMarble ? RADIUS + 5 : 0);
  return [...parts, `<path class="line" stroke-width="2" d="M${round(x)} ${y - 13}V${y + 13}"/>`];
}

function cross(x: number, y: number): string {
  return `<path class="miss" stroke-width="2.5" d="M${round(x - 8)} ${y - 8}l16 16m0 -16l-16 16"/>`;
}
