import type { Readable } from 'node:stream';
import { RetryableError } from './retryable-error.js';

export interface SpeedLimits {
  /** For the next byte to arrive, and the time over which the speed is averaged, in ms. */
  readonly timeout: number;
  readonly minBytesPerSecond: number;
}

/**
 * The chunks of a body, as long as they arrive fast enough; else ends in a RetryableError. Only time spent waiting for
 * the server counts: a slow disk or sink does not make a server slow.
 */
export async function* withMinSpeed(
  body: Readable,
  { timeout, minBytesPerSecond }: SpeedLimits,
): AsyncGenerator<Buffer> {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  let waitedMs = 0;
  let bytes = 0;
  for (;;) {
    const startedAt = performance.now();
    const timer = setTimeout(() => body.destroy(new RetryableError(`no byte arrived for ${timeout} ms`)), timeout);
    const { done, value } = await chunks.next().finally(() => {
      clearTimeout(timer);
    });
    if (done === true) return;
    waitedMs += performance.now() - startedAt;
    bytes += value.length;
    if (waitedMs >= timeout) {
      const speed = Math.round((bytes / waitedMs) * 1000);
      if (speed < minBytesPerSecond) {
        throw new RetryableError(`${speed} bytes a second arrived, below minBytesPerSecond (${minBytesPerSecond})`);
      }
      waitedMs = bytes = 0;
    }
    yield value;
  }
}
