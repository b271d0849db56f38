import type { Observable } from 'rxjs';
import { follow, tellEnds } from './follow.js';
import { readSaving, savingOptions } from './saving.js';
import { providerOf, servicesWithKeys } from './services.js';
import { readArgs, readNumber, UsageError } from './usage.js';

/** `resume [PROVIDER] --journal FILE` @throws UsageError */
export async function resume(args: string[], stop: Observable<unknown>): Promise<number> {
  const { values, positionals } = readArgs(args, {
    'base-url': { type: 'string' },
    speed: { type: 'string' },
    json: { type: 'boolean' },
    ...savingOptions,
  });
  const [name, ...rest] = positionals;
  if (rest.length > 0) throw new UsageError('resume takes its tasks from the journal; write resume --journal FILE');
  if (values.journal === undefined) throw new UsageError('no journal is given; write resume --journal FILE');
  const baseUrl = values['base-url'];
  if (baseUrl !== undefined && name === undefined) {
    throw new UsageError('--base-url belongs to one provider; write resume PROVIDER --base-url URL --journal FILE');
  }
  const names = name === undefined ? servicesWithKeys() : [name];
  if (names.length === 0) throw new UsageError('no key is set; write export ALAD_API_KEY=... before this command');
  const providers = names.map((service) => providerOf(service, baseUrl));
  const saving = readSaving(values);
  const speed = readNumber('speed', values.speed) ?? 1;
  const { json: isJson = false } = values;
  const followed = await follow({ providers, refs: 'resume', speed, isJson, stop, ...saving });
  if (process.stdout.isTTY && !isJson) tellEnds(followed);
  return followed.code;
}
