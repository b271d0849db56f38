import { createHash } from 'node:crypto';

/** Randomness that can be repeated: every value belongs to its name, so neither order nor number of calls matters. */
export interface SeededRandom {
  /** Evenly from 0 to 1, 1 excluded. */
  number(name: string): number;
  one<T>(name: string, from: readonly [T, ...T[]]): T;
  /** Letters and digits; 32 are the most. */
  text(name: string, length: number): string;
}

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** The values of one owner: the same words give the same values, other words give others. */
export function seededRandom(...owner: (string | number)[]): SeededRandom {
  const digest = (name: string) =>
    createHash('sha256')
      .update(JSON.stringify([...owner, name]))
      .digest();
  const number = (name: string) => digest(name).readUIntBE(0, 6) / 2 ** 48;
  return {
    number,
    one: (name, from) => from[Math.floor(number(name) * from.length)] ?? from[0],
    text: (name, length) => Array.from(digest(name).subarray(0, length), (byte) => ALPHABET.charAt(byte % 62)).join(''),
  };
}
