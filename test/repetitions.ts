/** Whether this is `npm run test:long`. */
export const isLong = process.env['LONG'] !== undefined;

/** How often to repeat what chance decides: `full` times in `npm run test:long`, a quarter of that otherwise. */
export function repetitions(full: number): number {
  return isLong ? full : Math.ceil(full / 4);
}
