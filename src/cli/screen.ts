import type { WriteStream } from 'node:tty';

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const CLEAR_TO_END_OF_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
const HOME = '\u001b[H';

/** Lines at the bottom of a terminal that are drawn again in place. */
export class Screen {
  readonly #stream: WriteStream;
  #drawn: readonly string[] = [];
  #columns: number;

  constructor(stream: WriteStream) {
    this.#stream = stream;
    this.#columns = stream.columns;
    stream.write(HIDE_CURSOR);
    // Also where the process ends without `close`: by a second Ctrl-C.
    process.on('exit', this.#showCursor);
  }

  /** Puts these lines in the place of the ones before. None may be wider than the terminal. */
  draw(lines: readonly string[]): void {
    const { columns } = this.#stream;
    const isResized = columns !== this.#columns;
    if (!isResized && lines.join('\n') === this.#drawn.join('\n')) return;
    const up = this.#drawn.length > 0 ? `\u001b[${this.#drawn.length}A\r` : '';
    // Terminals differ in how they wrap lines again, and may have done so before the last lines arrived: where the old
    // lines are now is not known, except that they are on the screen.
    const start = isResized ? HOME + CLEAR_BELOW : up;
    this.#stream.write(start + lines.map((line) => `${line}${CLEAR_TO_END_OF_LINE}\n`).join('') + CLEAR_BELOW);
    this.#drawn = lines;
    this.#columns = columns;
  }

  /** Leaves what was drawn last, and gives the terminal back. */
  close(): void {
    process.off('exit', this.#showCursor);
    this.#showCursor();
  }

  readonly #showCursor = (): void => {
    this.#stream.write(SHOW_CURSOR);
  };
}
