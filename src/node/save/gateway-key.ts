import { firstValueFrom, fromEvent, map, takeUntil } from 'rxjs';
import { isQueryError } from '../../errors.js';
import type { Provider } from '../../providers/provider.js';
import { credentialsOf, keyOf } from '../../query.js';
import type { CompletedTask, Video } from '../../task.js';
import { RetryableError } from './retryable-error.js';
import { SaveError } from './save-error.js';
import type { Credentials } from './video-request.js';

/**
 * The headers that authenticate a download, where the video is the gateway's own (`video.requiresKey`): those of the
 * task's provider, for the origin of its base URL, over https or on this machine.
 *
 * @throws SaveError `refused` where the key may not be sent, or the provider's `headers` function threw; RetryableError
 *   where an `apiKey` function failed.
 */
export async function gatewayCredentials(
  { id, provider: name }: CompletedTask,
  { url: text, requiresKey }: Video,
  providers: readonly Provider[],
  signal: AbortSignal,
): Promise<Credentials | undefined> {
  if (requiresKey !== true) return undefined;
  const what = `${name} task ${id}: the video requires the API key`;
  const provider = providers.find((candidate) => candidate.name === name);
  if (!provider) {
    throw new SaveError('refused', `${what}; write saveVideo({ provider }) with the provider named "${name}"`);
  }
  const url = new URL(text);
  if (url.origin !== provider.origin) {
    throw new SaveError('refused', `${what}, but is at ${url.origin}; the key goes to ${provider.origin} only`);
  }
  if (url.protocol !== 'https:' && !provider.isLoopback) {
    throw new SaveError('refused', `${what}, which would travel unencrypted to ${url.origin}; use an https baseUrl`);
  }
  const headers$ = keyOf(provider).pipe(
    map((key) => (key === null ? {} : credentialsOf(provider, key))),
    takeUntil(fromEvent(signal, 'abort')),
  );
  const headers = await firstValueFrom(headers$, { defaultValue: undefined }).catch((error: unknown) => {
    const { message } = error as Error;
    throw isQueryError(error) && !error.retryable
      ? new SaveError('refused', `${what}: ${message}`)
      : new RetryableError(message);
  });
  if (headers === undefined) throw new RetryableError('the apiKey function gave no key');
  return { origin: provider.origin, headers };
}
