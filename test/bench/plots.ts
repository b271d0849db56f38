/** A group of points, and where its mean is. */
export interface Series {
  readonly name: string;
  readonly isOurs: boolean;
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly center: readonly [x: number, y: number];
}

export interface Axis {
  readonly label: string;
  readonly ticks: readonly number[];
}

const WIDTH = 720;
const OURS = '#0b63c5';
const OTHERS = '#767676';
const INK = '#333';

/** Points against two logarithmic axes, from the first to the last tick of each. */
export function scatter(title: string, x: Axis, y: Axis, series: readonly Series[]): string {
  const [left, right, top, bottom] = [64, WIDTH - 24, 48, 400];
  const across = scale(x.ticks, left, right);
  const up = scale(y.ticks, bottom, top);
  const grid = [
    ...x.ticks.map((tick) => rule(across(tick), top, across(tick), bottom) + text(across(tick), bottom + 18, tick)),
    ...y.ticks.map((tick) => rule(left, up(tick), right, up(tick)) + text(left - 8, up(tick) + 4, tick, 'end')),
  ];
  const marks = series.map(({ name, isOurs, points, center: [cx, cy] }) => {
    const color = isOurs ? OURS : OTHERS;
    const dots = points.map(([px, py]) => circle(across(px), up(py), 2.5, color, 0.4));
    // Ours to the left, theirs to the right, where they leave each other room.
    const label = text(across(cx) + (isOurs ? -11 : 11), up(cy) + 4, name, isOurs ? 'end' : 'start', color, isOurs);
    return [dots.join(''), circle(across(cx), up(cy), 6, color, 1) + label];
  });
  const labels = [
    text((left + right) / 2, bottom + 42, x.label),
    `<g transform="rotate(-90 18 ${(top + bottom) / 2})">${text(18, (top + bottom) / 2, y.label)}</g>`,
  ];
  const inOrder = [...marks.map(([dots]) => dots as string), ...marks.map(([, center]) => center as string)];
  return svg(title, 460, [...grid, ...inOrder, ...labels]);
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

function text(x: number, y: number, words: string | number, anchor = 'middle', color = INK, isBold = false): string {
  const weight = isBold ? ' font-weight="600"' : '';
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${color}"${weight}>${escape(String(words))}</text>`;
}

function rule(x1: number, y1: number, x2: number, y2: number): string {
  return `<path d="M${x1.toFixed(1)} ${y1.toFixed(1)}L${x2.toFixed(1)} ${y2.toFixed(1)}" stroke="#ddd"/>`;
}

function circle(x: number, y: number, radius: number, color: string, opacity: number): string {
  return `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${radius}" fill="${color}" opacity="${opacity}"/>`;
}

function escape(words: string): string {
  return words.replace(/&/g, '&amp;').replace(/</g, '&lt;');
}
