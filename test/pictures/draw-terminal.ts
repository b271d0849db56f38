import type { IBuffer, IBufferCell } from '@xterm/headless';
import { escape, MONO, round, svg, text } from '../../src/cli/svg.js';

/** A word on the screen: nothing depends on the width of a font's space. */
interface Word {
  readonly column: number;
  readonly row: number;
  readonly text: string;
  readonly colour: string;
}

/** What a terminal shows at one moment. */
export type Frame = readonly Word[];

/** The colours that the board uses, by their number in the palette of a terminal. */
const COLOURS: Readonly<Record<number, string>> = { 1: 'failed', 2: 'completed', 3: 'cancelled', 6: 'processing' };

const SIZE = 13;
const CELL = { width: 7.8, height: 19 };
const MARGIN = 20;
const TOP = 58;

export interface TerminalOptions {
  readonly columns: number;
  readonly rows: number;
  /** ms that each frame is shown. */
  readonly frameMs?: number;
  /** ms that the last one is shown. */
  readonly lastMs?: number;
}

/** The first rows of a screen, or the first from a row on. */
export function frameOf(buffer: IBuffer, rows: number, from = 0): Frame {
  return Array.from({ length: rows }, (_, row) => wordsOf(buffer, from + row).map((word) => ({ ...word, row }))).flat();
}

function wordsOf(buffer: IBuffer, row: number): Word[] {
  const line = buffer.getLine(row);
  const words: { column: number; row: number; text: string; colour: string }[] = [];
  let isOpen = false;
  for (let column = 0; column < (line?.length ?? 0); column++) {
    const cell = line?.getCell(column);
    const characters = cell?.getChars() ?? '';
    if (!cell || characters.trim() === '') {
      // The second half of a wide character is a cell without any.
      isOpen &&= cell?.getWidth() === 0;
      continue;
    }
    const colour = colourOf(cell);
    const last = words.at(-1);
    if (isOpen && last?.colour === colour) last.text += characters;
    else words.push({ column, row, text: characters, colour });
    isOpen = true;
  }
  return words;
}

function colourOf(cell: IBufferCell): string {
  if (cell.isFgPalette()) return COLOURS[cell.getFgColor()] ?? 'ink';
  return cell.isDim() ? 'soft' : 'ink';
}

/**
 * A terminal window. Several frames are shown one after the other, again and again; a word is drawn once for the time that
 * it stays, and its outline once for all places. A viewer without animations shows the last frame.
 */
export function drawTerminal(title: string, frames: readonly Frame[], options: TerminalOptions): string {
  const { columns, rows, frameMs = 350, lastMs = 4_000 } = options;
  const width = Math.ceil(2 * MARGIN + columns * CELL.width);
  const height = TOP + rows * CELL.height + 4;
  const total = (frames.length - 1) * frameMs + lastMs;

  const outlines = new Map<string, string>();
  const use = (word: Word): string => {
    const id = outlines.get(outlineOf(word)) ?? `w${outlines.size.toString(36)}`;
    outlines.set(outlineOf(word), id);
    return `<use href="#${id}" x="${round(MARGIN + word.column * CELL.width)}" y="${TOP + word.row * CELL.height}"/>`;
  };
  const durations = new Set<number>();
  const groups = staysOf(frames).map(({ start, end, words }) => {
    const content = words.map(use).join('');
    const isToEnd = end === frames.length;
    if (isToEnd && start === 0) return `<g>${content}</g>`;
    const duration = isToEnd ? total - start * frameMs : (end - start) * frameMs;
    durations.add(duration);
    // The delay is negative, so that each word is at its place of the loop from the beginning.
    const style = `animation-name:d${duration};animation-delay:${start * frameMs - total}ms`;
    return `<g class="${isToEnd ? 'move' : 'move gone'}" style="${style}">${content}</g>`;
  });
  const keyframes = [...durations].map(
    (ms) =>
      `@keyframes d${ms} { 0% { visibility: visible; } ${((100 * ms) / total).toFixed(2)}% { visibility: hidden; } }`,
  );
  return svg(
    width,
    height,
    title,
    [
      `<style>
  .move { animation: ${total}ms step-end infinite; } .gone { visibility: hidden; }
  ${keyframes.join('\n  ')}
  @media (prefers-reduced-motion: reduce) { .move { animation: none; } }
</style>`,
      '<defs>',
      ...[...outlines].map(([outline, id]) => outline.replace('<text', `<text id="${id}"`)),
      '</defs>',
      ...['failed', 'cancelled', 'completed'].map(
        (colour, nth) => `<circle class="${colour}" cx="${MARGIN + 4 + nth * 18}" cy="20" r="5"/>`,
      ),
      text(width / 2, 25, title, { anchor: 'middle', size: 12, className: 'soft', font: MONO }),
      `<g font-family="${MONO}" font-size="${SIZE}">`,
      ...groups,
      '</g>',
    ].join('\n'),
  );
}

interface Stay {
  /** The first frame, and the one after the last. */
  readonly start: number;
  readonly end: number;
  readonly words: Word[];
}

/** Words by how long they stay at their place. */
function staysOf(frames: readonly Frame[]): Stay[] {
  const stays = new Map<string, Stay>();
  const starts = new Map<string, { readonly start: number; readonly word: Word }>();
  [...frames, []].forEach((frame, nth) => {
    const present = new Map(frame.map((word) => [`${word.column} ${word.row} ${outlineOf(word)}`, word]));
    for (const [key, { start, word }] of starts) {
      if (present.has(key)) continue;
      starts.delete(key);
      const stay = stays.get(`${start} ${nth}`) ?? { start, end: nth, words: [] };
      stays.set(`${start} ${nth}`, stay);
      stay.words.push(word);
    }
    for (const [key, word] of present) if (!starts.has(key)) starts.set(key, { start: nth, word });
  });
  return [...stays.values()];
}

/** As wide as in a terminal, whatever font the reader has. */
function outlineOf({ text, colour }: Word): string {
  const length = [...new Intl.Segmenter().segment(text)].length * CELL.width;
  return `<text class="${colour}" textLength="${round(length)}" lengthAdjust="spacingAndGlyphs">${escape(text)}</text>`;
}
