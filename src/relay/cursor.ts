import { createHmac, timingSafeEqual } from 'node:crypto';

/** Writes and reads the event ids of a stream of several tasks: a place in the relay's count, signed for these very tasks. */
export interface Cursor {
  write(at: number): string;
  /** The place; undefined for an id of other tasks, of another process, or of nobody. */
  read(text: string): number | undefined;
}

export function cursorOf(secret: Uint8Array, publicIds: readonly string[]): Cursor {
  // No id holds a control character, so lists cannot run together.
  const tasks = [...publicIds].sort().join('\n');
  const write = (at: number) => {
    const signature = createHmac('sha256', secret).update(`${at}\n${tasks}`).digest('base64url').slice(0, 22);
    return `${at}.${signature}`;
  };
  return {
    write,
    read(text) {
      const at = Number(/^\d{1,15}(?=\.)/.exec(text)?.[0] ?? NaN);
      const [given, own] = [Buffer.from(text), Buffer.from(write(at))];
      return given.length === own.length && timingSafeEqual(given, own) ? at : undefined;
    },
  };
}
