import { createHash } from 'node:crypto';

/** Chance that can be repeated: every draw belongs to its name, so neither the order nor the number of draws matters. */
export interface Draw {
  /** Evenly from 0 to 1, 1 excluded. */
  number(name: string): number;
  one<T>(name: string, from: readonly [T, ...T[]]): T;
  /** Letters and digits; 32 are the most. */
  text(name: string, length: number): string;
}

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** The draws of one owner: the same words give the same draws, other words give others. */
export function drawsOf(...owner: (string | number)[]): Draw {
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
