import { vi } from 'vitest';

/**
 * Waits until it holds; polls often, since what is waited for may pass. The limit is only for what never comes: it is as
 * long as a busy machine may need.
 */
export function until(check: () => void, timeout = 60_000): Promise<void> {
  return vi.waitFor(check, { timeout, interval: 5 });
}
