import { vi } from 'vitest';

/**
 * Waits until it holds; polls often, since what is waited for may pass. The limit is only for what never comes: it is as
 * long as a busy machine may need.
 */
export function until(check: () => void, timeout = 60_000): Promise<void> {
  return vi.waitFor(check, { timeout, interval: 5 });
}

/** Lets nothing of this process run for so long, without the CPU time of a loop. */
export function blockEventLoop(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
