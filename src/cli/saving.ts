import { mkdirSync } from 'node:fs';
import type { Provider } from 'rx-video-tasks';
import { UsageError } from './usage.js';

/** The options of every command that tracks and may save. */
export const savingOptions = {
  save: { type: 'string' },
  journal: { type: 'string' },
  'allow-host': { type: 'string', multiple: true },
} as const;

/**
 * Reads them, and makes the directory of the videos. A base URL that is not a service's own was given by the user, so
 * videos may come from its host. @throws UsageError
 */
export function readSaving(
  values: {
    readonly save?: string | undefined;
    readonly journal?: string | undefined;
    readonly 'allow-host'?: string[] | undefined;
  },
  providers: readonly Provider[],
): { readonly save: string | undefined; readonly journal: string | undefined; readonly allowHosts: readonly string[] } {
  const { save, journal, 'allow-host': hosts = [] } = values;
  const bad = hosts.find((host) => host === '' || host.includes('/'));
  if (bad !== undefined) throw new UsageError(`--allow-host: "${bad}" is not a host; write for example 127.0.0.1:8080`);
  for (const [option, value] of Object.entries({ save, journal })) {
    if (value === '') throw new UsageError(`--${option} is empty; write for example --${option} ./${option}`);
  }
  if (hosts.length > 0 && save === undefined) throw new UsageError('--allow-host goes with --save DIR');
  if (save !== undefined) makeDirectory(save);
  const own = providers.filter(({ isPublicService }) => !isPublicService);
  return { save, journal, allowHosts: [...hosts, ...own.map(({ origin }) => new URL(origin).host)] };
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new UsageError(`--save: ${(error as Error).message}; write a directory that can be made`);
  }
}
