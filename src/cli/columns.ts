import stringWidth from 'string-width';
import { printable } from './format.js';
import { isUnicode } from './paint.js';

const ELLIPSIS = isUnicode ? '…' : '~';

/** A text in exactly so many columns. Leaves out its middle: ids and models differ at their ends. */
export function cell(text: string, width: number): string {
  const clean = printable(text);
  const excess = stringWidth(clean) - width;
  if (excess <= 0) return clean + ' '.repeat(-excess);
  const characters = charactersOf(clean);
  const end = takeWidth(characters.toReversed(), Math.floor((width - 1) / 2))
    .reverse()
    .join('');
  const start = takeWidth(characters, width - 1 - stringWidth(end)).join('');
  return start + ELLIPSIS + end + ' '.repeat(width - 1 - stringWidth(start + end));
}

/** A text in at most so many columns. */
export function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  return takeWidth(charactersOf(text), Math.max(0, width - 1)).join('') + ELLIPSIS;
}

/** The first characters that fit into so many columns. */
function takeWidth(characters: readonly string[], width: number): string[] {
  const taken: string[] = [];
  let free = width;
  for (const character of characters) {
    free -= stringWidth(character);
    if (free < 0) break;
    taken.push(character);
  }
  return taken;
}

/** As a terminal shows them: an accent belongs to its letter. */
function charactersOf(text: string): string[] {
  return Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment);
}
