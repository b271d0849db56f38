/** A point or the end of a line, as ratios. */
interface Point {
  readonly latency: number;
  readonly requests: number;
}

/** What is possible, and where some policies are. */
export interface Frontier {
  readonly title: string;
  readonly curves: readonly { readonly name: string; readonly points: readonly Point[] }[];
  /** The first two are ours. */
  readonly points: readonly (Point & { readonly name: string })[];
}

const WIDTH = 720;
const OURS = '#0b63c5';
const OTHERS = '#767676';
const INK = '#333';

const LATENCIES = [0.7, 1, 1.5, 2, 3, 5];
const REQUESTS = [0.4, 0.5, 0.6, 0.7, 0.8, 1, 1.2];
const DASHES = ['2 3', '', '6 3'];

/** A small panel for each frontier, three in a row, with the same logarithmic axes: latency across, requests up. */
export function frontiers(title: string, panels: readonly Frontier[]): string {
  const [width, height, top] = [WIDTH / 3, 220, 80];
  const legend = (panels[0] as Frontier).curves.map(({ name }, i) => {
    const x = 24 + i * 190;
    return (
      line(
        [
          [x, 54],
          [x + 30, 54],
        ],
        OTHERS,
        DASHES[i],
      ) + text(x + 38, 58, name, 'start', OTHERS)
    );
  });
  const drawn = panels.map((panel, i) => {
    const [x, y] = [(i % 3) * width, top + Math.floor(i / 3) * height];
    return `<g transform="translate(${x.toFixed(1)} ${y.toFixed(1)})">${frontier(panel, width, height)}</g>`;
  });
  const rows = Math.ceil(panels.length / 3);
  const axes = text(WIDTH / 2, top + rows * height + 16, 'across: mean latency; up: requests');
  return svg(title, top + rows * height + 32, [...legend, ...drawn, axes]);
}

function frontier({ title, curves, points }: Frontier, width: number, height: number): string {
  const [left, right, top, bottom] = [34, width - 10, 22, height - 26];
  const across = scale(LATENCIES, left, right);
  const up = scale(REQUESTS, bottom, top);
  const isInside = ({ latency, requests }: Point) =>
    latency >= 0.7 && latency <= 5 && requests >= 0.4 && requests <= 1.2;
  const grid = [
    ...LATENCIES.map((tick) => rule(across(tick), top, across(tick), bottom) + text(across(tick), bottom + 16, tick)),
    ...REQUESTS.map((tick) => rule(left, up(tick), right, up(tick)) + text(left - 5, up(tick) + 4, tick, 'end')),
  ];
  const lines = curves.map((curve, i) =>
    line(
      curve.points.filter(isInside).map(({ latency, requests }) => [across(latency), up(requests)]),
      OTHERS,
      DASHES[i],
    ),
  );
  const marks = points.filter(isInside).map((point) => {
    const isOurs = points.indexOf(point) < 2;
    const color = isOurs ? OURS : INK;
    const [x, y] = [across(point.latency), up(point.requests)];
    // Names stay inside the panel.
    const isRight = x > (left + right) / 2;
    const name = text(
      x + (isRight ? -7 : 7),
      y + (isOurs ? 13 : -5),
      point.name,
      isRight ? 'end' : 'start',
      color,
      isOurs,
    );
    return circle(x, y, 4, color, 1) + name;
  });
  return [text(left, 14, title, 'start', INK, true), ...grid, ...lines, ...marks].join('');
}

/** A bar for each value, from 0, with the value behind it. */
export function bars(
  title: string,
  rows: readonly { readonly name: string; readonly value: number; readonly isOurs: boolean }[],
): string {
  const [left, right, top, height] = [290, WIDTH - 90, 48, 30];
  const most = Math.max(...rows.map(({ value }) => value));
  const marks = rows.map(({ name, value, isOurs }, row) => {
    const at = top + row * height;
    const color = isOurs ? OURS : OTHERS;
    const width = ((right - left) * value) / most;
    return [
      text(left - 10, at + 18, name, 'end', color, isOurs),
      `<rect x="${left}" y="${at + 4}" width="${width.toFixed(1)}" height="20" fill="${color}"/>`,
      text(left + width + 8, at + 18, Math.round(value).toLocaleString('en'), 'start'),
    ].join('');
  });
  return svg(title, top + rows.length * height + 16, marks);
}

function scale(ticks: readonly number[], from: number, to: number): (value: number) => number {
  const [least, most] = [Math.log(ticks[0] as number), Math.log(ticks.at(-1) as number)];
  return (value) => from + ((Math.log(value) - least) / (most - least)) * (to - from);
}

function svg(title: string, height: number, marks: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="13" role="img">`,
    `<title>${escape(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    text(24, 28, title, 'start', INK, true),
    ...marks,
    '</svg>',
    '',
  ].join('\n');
}

function text(x: number, y: number, content: string | number, anchor = 'middle', color = INK, isBold = false): string {
  const weight = isBold ? ' font-weight="600"' : '';
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${color}"${weight}>${escape(String(content))}</text>`;
}

function rule(x1: number, y1: number, x2: number, y2: number): string {
  return `<path d="M${x1.toFixed(1)} ${y1.toFixed(1)}L${x2.toFixed(1)} ${y2.toFixed(1)}" stroke="#ddd"/>`;
}

function line(points: readonly (readonly [x: number, y: number])[], color: string, dashes = ''): string {
  const path = points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
  return `<path d="${path}" fill="none" stroke="${color}" stroke-width="1.5" stroke-dasharray="${dashes}"/>`;
}

function circle(x: number, y: number, radius: number, color: string, opacity: number): string {
  return `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${radius}" fill="${color}" opacity="${opacity}"/>`;
}

function escape(content: string): string {
  return content.replace(/&/g, '&amp;').replace(/</g, '&lt;');
}
