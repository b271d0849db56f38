import { subscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { afterAll, expect } from 'vitest';

// What nobody may ever see. Every test of this folder asks with this key, and its servers send these in bodies.

export const KEY = 'sk-Zq7Vn2Xw9Lp4Rt6Yb8Kd3Mh5';
/** The query of every presigned URL. */
export const PRESIGNED = 'X-Tos-Signature=Jf5Gc1Ws8Ue3Qa7Nz2';
/** In a field of every body that no task has: where a body is shown as it came, so is this. */
export const ACCOUNT = 'user_id=Oi4Hv6Bt9Ly2Ek7Xm3';

const SECRETS = { key: KEY, presigned: PRESIGNED.slice(PRESIGNED.indexOf('=') + 1), account: ACCOUNT.slice(8) };

/** Which of the secrets are in the text: whole, or eight characters in a row. */
export function secretsIn(text: string): string[] {
  return Object.entries(SECRETS).flatMap(([name, secret]) => (hasPart(text, secret) ? [name] : []));
}

function hasPart(text: string, secret: string): boolean {
  // Any eight characters in a row hold one of these groups of four, which are fewer: the texts are long.
  const groups = Array.from({ length: Math.floor(secret.length / 4) }, (_, nth) => secret.slice(4 * nth, 4 * nth + 4));
  if (!groups.some((group) => text.includes(group))) return false;
  return Array.from({ length: secret.length - 7 }, (_, at) => secret.slice(at, at + 8)).some((part) =>
    text.includes(part),
  );
}

/** All that a log, a bug report or a debugger could show of an error. Its last Task is the user's own. */
export function everythingOf(error: unknown): string {
  const own = Object(error) as Record<string, unknown>;
  const fields = Object.getOwnPropertyNames(own).filter((name) => name !== 'last' && name !== 'task');
  const shown = fields.map((name) => `${name}: ${inspect(own[name], { showHidden: true, depth: 10 })}`);
  return [...shown, inspect(error, { depth: 10 }), String(error), String(own['stack']), JSON.stringify(error)].join(
    '\n',
  );
}

const seen: string[] = [];

/** Keeps what the library gave to a caller until the end of the file, to be searched. */
export function remember(text: string): void {
  seen.push(text);
}

for (const name of ['miss', 'lost']) {
  subscribe(`rx-video-tasks:${name}`, (message) => {
    const { error } = message as { error?: unknown };
    remember(
      inspect({ ...(message as object), error: undefined }, { showHidden: true, depth: 10 }) + everythingOf(error),
    );
  });
}
// F36: over the whole run of each file of this folder. test/output.ts does the same for what a run prints.
afterAll(() => {
  expect(secretsIn(seen.join('\n')), 'in errors, misses, or what was inspected').toEqual([]);
});
