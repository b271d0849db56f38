import { mkdirSync } from 'node:fs';
import { UsageError } from './usage.js';

/** The options of every command that tracks and may save. */
export const savingOptions = {
  save: { type: 'string' },
  journal: { type: 'string' },
  'allow-host': { type: 'string', multiple: true },
} as const;

/** Reads `--allow-host`. @throws UsageError */
export function readHosts(hosts: readonly string[] = []): readonly string[] {
  const bad = hosts.find((host) => host === '' || host.includes('/'));
  if (bad !== undefined) throw new UsageError(`--allow-host: "${bad}" is no host; write for example 127.0.0.1:8080`);
  return hosts;
}

/** Reads them, and makes the directory of the videos. @throws UsageError */
export function readSaving(values: {
  readonly save?: string | undefined;
  readonly journal?: string | undefined;
  readonly 'allow-host'?: string[] | undefined;
}) {
  const { save, journal } = values;
  const allowHosts = readHosts(values['allow-host']);
  for (const [option, value] of Object.entries({ save, journal })) {
    if (value === '') throw new UsageError(`--${option} is empty; write for example --${option} ./${option}`);
  }
  if (allowHosts.length > 0 && save === undefined) throw new UsageError('--allow-host goes with --save DIR');
  if (save !== undefined) {
    try {
      mkdirSync(save, { recursive: true });
    } catch (error) {
      throw new UsageError(`--save: ${(error as Error).message}; write a directory that can be made`);
    }
  }
  return { save, journal, allowHosts };
}
