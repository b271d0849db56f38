import { check } from '../options.js';
import type { ReadContext, Reply } from './wire.js';

/** @throws TypeError where a wire does not pass on what its `read` has received. */
export function checkReading(reply: Reply, context: ReadContext): void {
  check('reply', reply, typeof reply?.body === 'string', 'the reply that `read` receives');
  check('context', context, typeof context?.redact === 'function', 'the context that `read` receives');
}
