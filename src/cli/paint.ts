import { styleText } from 'node:util';

type Style = 'red' | 'green' | 'yellow' | 'cyan' | 'dim';

/** Colours a text where standard output shows colours (NO_COLOR, FORCE_COLOR and TERM decide, by `hasColors`). */
export function paint(style: Style, text: string): string {
  const { isTTY } = process.stdout;
  return isTTY && process.stdout.hasColors() ? styleText(style, text) : text;
}

/** The Linux console and old Windows consoles have no glyphs beyond their code page. */
export const isUnicode =
  process.platform === 'win32'
    ? Boolean(process.env['WT_SESSION']) || process.env['TERM'] === 'xterm-256color'
    : process.env['TERM'] !== 'linux';
