import { svg, text } from '../../src/cli/svg.js';

type Law = Readonly<Record<string, readonly string[]>>;

interface Place {
  /** Columns follow the flow, from a service's reply on the left to the application on the right. */
  readonly column: number;
  readonly row: number;
  readonly note: string;
}

/** Each module's place in the picture. A module stands one column to the right of what it imports. */
export const PLACES: Readonly<Record<string, Place>> = {
  wire: { column: 0, row: 1, note: 'reply text to Task' },
  providers: { column: 1, row: 1, note: 'one file per service' },
  transport: { column: 1, row: 2, note: 'one request, one reply' },
  gate: { column: 1, row: 3, note: 'when a key may ask' },
  sandbox: { column: 2, row: 0, note: 'a local service' },
  query: { column: 2, row: 2, note: 'one GET per subscription' },
  journal: { column: 2, row: 3, note: 'what survives a restart' },
  poll: { column: 2, row: 4, note: 'when to ask again, or stop' },
  testing: { column: 3, row: 1, note: 'scripted queries' },
  node: { column: 3, row: 2, note: 'file journal, saving videos' },
  tracker: { column: 3, row: 3, note: 'many tasks, shared polls' },
  operators: { column: 3, row: 4, note: 'the public grammar' },
  cli: { column: 4, row: 0, note: 'uses public names only' },
  'relay-client': { column: 4, row: 1, note: 'a tracker in the browser' },
  relay: { column: 4, row: 2, note: 'transitions to browsers' },
  angular: { column: 4, row: 3, note: 'tasks as signals' },
  fleet: { column: 3, row: 5, note: 'workers on BullMQ' },
};

const HEADINGS = ['Read a reply', 'Make a request', 'Ask, decide, store', 'Track', 'Serve'];

const BOX = { width: 164, height: 46 };
const STEP = { x: BOX.width + 60, y: BOX.height + 24 };
const ORIGIN = { x: 20, y: 62 };

interface Point {
  readonly x: number;
  readonly y: number;
}

/** A cubic Bézier curve: start, two control points, end. */
export type Curve = readonly [Point, Point, Point, Point];

export interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly curve: Curve;
}

export interface Box extends Point {
  readonly module: string;
  readonly width: number;
  readonly height: number;
}

export function boxesOf(law: Law): Box[] {
  return Object.entries(PLACES)
    .filter(([module]) => module in law)
    .map(([module, { column, row }]) => ({
      module,
      x: ORIGIN.x + column * STEP.x,
      y: ORIGIN.y + row * STEP.y,
      ...BOX,
    }));
}

/** An arrow for each import of the law. One that others imply is left out, and so are those to single files that modules share. */
export function arrowsOf(law: Law): Arrow[] {
  const modules = Object.keys(law).filter((module) => module in PLACES);
  const importsOf = (module: string): string[] => (law[module] ?? []).filter((other) => modules.includes(other));
  const reaches = (from: string, to: string): boolean =>
    importsOf(from).some((next) => next === to || reaches(next, to));
  const boxes = new Map(boxesOf(law).map((box) => [box.module, box]));
  return modules.flatMap((from) =>
    importsOf(from)
      .filter((to) => !importsOf(from).some((other) => other !== to && reaches(other, to)))
      .map((to) => ({ from, to, curve: curveBetween(boxes.get(from) as Box, boxes.get(to) as Box) })),
  );
}

/** Spans the gap between two neighbouring columns, where no box stands. */
function curveBetween(from: Box, to: Box): Curve {
  const start = { x: from.x, y: from.y + BOX.height / 2 };
  const end = { x: to.x + BOX.width + 6, y: to.y + BOX.height / 2 };
  const bend = (start.x + end.x) / 2;
  return [start, { x: bend, y: start.y }, { x: bend, y: end.y }, end];
}

export function drawArchitecture(law: Law): string {
  const boxes = boxesOf(law);
  const width = ORIGIN.x + HEADINGS.length * STEP.x - (STEP.x - BOX.width) + ORIGIN.x;
  const bottom = Math.max(...boxes.map(({ y }) => y + BOX.height)) + 22;
  const shared = Object.keys(law).filter((part) => !(part in PLACES));
  return svg(
    width,
    bottom + 54,
    'The modules of the source, and which imports which',
    [
      '<defs><marker id="tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>',
      ...HEADINGS.map((heading, column) =>
        text(ORIGIN.x + column * STEP.x + BOX.width / 2, 36, heading, { anchor: 'middle', className: 'soft' }),
      ),
      ...arrowsOf(law).map(
        ({ curve: [start, one, two, end] }) =>
          `<path class="line" marker-end="url(#tip)" d="M${start.x} ${start.y}C${one.x} ${one.y} ${two.x} ${two.y} ${end.x} ${end.y}"/>`,
      ),
      ...boxes.map(
        ({ module, x, y }) =>
          `<rect class="room" x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="6"/>` +
          text(x + BOX.width / 2, y + 19, module, { anchor: 'middle', weight: 600 }) +
          text(x + BOX.width / 2, y + 36, PLACES[module]?.note ?? '', {
            anchor: 'middle',
            size: 11,
            className: 'soft',
          }),
      ),
      text(
        width / 2,
        bottom + 14,
        'An arrow leads from a module to what it imports. Single files that modules share:',
        {
          anchor: 'middle',
          size: 12,
          className: 'soft',
        },
      ),
      text(width / 2, bottom + 34, shared.join(', '), { anchor: 'middle', size: 12 }),
    ].join('\n'),
  );
}
