import { QueryError } from '../errors.js';
import { check } from '../options.js';
import { redact } from '../redact.js';
import { readCreateReply } from '../wire/index.js';
import type { Provider } from './provider.js';

/** The ref of a task that was just created, as `track` takes it. */
export interface CreatedTaskRef {
  /** The id that the service has given to the task. */
  readonly id: string;
  /** The name of the provider. */
  readonly provider: string;
  /** The model, where the reply names it. */
  readonly model?: string;
  /** When the task was created, in epoch ms, where the reply names it. */
  readonly createdAt?: number;
}

/**
 * Returns the ref of the task that a service's reply to your create request names: text or parsed JSON, in any of the
 * shapes that these services answer with. The library itself creates nothing.
 *
 * @throws QueryError `malformed` for a reply that names no task, with what was looked for and the service's message;
 * TypeError for a provider that is none.
 *
 * @example
 * const reply = await fetch(createUrl, { method: 'POST', headers, body });
 * tracker.track(toTaskRef(provider, await reply.text()))
 */
export function toTaskRef(provider: Provider, createReply: unknown): CreatedTaskRef {
  check('provider', provider, typeof provider?.apiKey === 'function', 'alad({ apiKey })');
  const { id, model, createdAt, code, message } = readCreateReply(createReply);
  if (id !== undefined) {
    return { id, provider: provider.name, ...(model && { model }), ...(createdAt && { createdAt }) };
  }
  const key = provider.apiKey();
  const safe = (text: string) => redact(text, typeof key === 'string' ? key : '');
  const reason = [code && ` [${safe(code)}]`, message && `: ${safe(message)}`].filter(Boolean).join('');
  throw new QueryError(
    'malformed',
    `${provider.name}: the reply to the create request names no task${reason}; looked for task_id, id, data.task_id, data.id and data as a text in a JSON object`,
    { provider: provider.name, code: code && safe(code) },
  );
}
