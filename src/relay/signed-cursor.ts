import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * Writes and reads the event ids of one stream: a position in the relay's order of transitions, signed for the stream's
 * tasks. An id of another stream or of another process does not verify, so its position is never mistaken for one of
 * here.
 */
export interface SignedCursor {
  write(position: number): string;
  /** The position; undefined for an id that was not written for these tasks by this process. */
  read(eventId: string): number | undefined;
}

export function signedCursor(secret: Uint8Array, publicIds: readonly string[]): SignedCursor {
  // Ids hold no control character, so that two different lists never give the same text.
  const tasks = [...publicIds].sort().join('\n');
  const write = (position: number) => {
    // 36 bits: a forged id would only make a client miss or receive again transitions of tasks that it may see.
    const signature = createHmac('sha256', secret).update(`${position}\n${tasks}`).digest('base64url').slice(0, 6);
    return `${position}.${signature}`;
  };
  return {
    write,
    read(eventId) {
      const position = Number(/^\d{1,15}(?=\.)/.exec(eventId)?.[0] ?? NaN);
      const [given, expected] = [Buffer.from(eventId), Buffer.from(write(position))];
      return given.length === expected.length && timingSafeEqual(given, expected) ? position : undefined;
    },
  };
}
