/** What a part of the benchmarks found, for people. */
export interface Table {
  readonly title: string;
  /** What the figures are, how often they were measured, what the columns mean. */
  readonly note: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What a part found. */
export interface Findings {
  readonly tables: readonly Table[];
  /** SVG by file name. */
  readonly plots?: Readonly<Record<string, string>>;
}

/** A part of the benchmarks; `isQuick` is a look, not a measurement. */
export type Part = (isQuick: boolean) => Promise<Findings>;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : mean(sorted.slice(middle - 1, middle + 1));
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(mean(values.map(Math.log)));
}

/** `0.97 (0.91–1.03)`: the median, the least and the most. */
export function spread(values: readonly number[], digits = 2): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const text = median(values).toFixed(digits);
  return values.length === 1 ? text : `${text} (${least.toFixed(digits)}–${most.toFixed(digits)})`;
}

/** For notes: how often something was measured. Peers are there to compare with, and may be measured less often. */
export function repeats(what: string, times: number, peerTimes = times): string {
  if (times === 1) return `one ${what}`;
  return `median (least–most) of ${times} ${what}s${peerTimes < times ? `, of ${peerTimes} for the peers` : ''}`;
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

export function markdown({ title, note, head, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const ruler = head.map((_, column) => (column === 0 ? '---' : '--:'));
  return [`**${title}**`, '', note, '', ...[head, ruler, ...rows].map(line), ''].join('\n');
}
