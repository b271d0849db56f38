import { isObservable, map, type Observable } from 'rxjs';
import { follow, tellEnds } from './follow.js';
import { idsOf } from './ids.js';
import { readSaving, savingOptions } from './saving.js';
import { providerOf } from './services.js';
import { readArgs, readNumber } from './usage.js';

/** `watch PROVIDER ID...` @throws UsageError */
export async function watch(args: string[], stop: Observable<unknown>): Promise<number> {
  const { values, positionals } = readArgs(args, {
    'base-url': { type: 'string' },
    model: { type: 'string' },
    speed: { type: 'string' },
    json: { type: 'boolean' },
    ...savingOptions,
  });
  const [name, ...rest] = positionals;
  const provider = providerOf(name, values['base-url']);
  const { model, json: isJson = false } = values;
  const speed = readNumber('speed', values.speed) ?? 1;
  const saving = readSaving(values);
  const ids = idsOf(rest, 'watch PROVIDER ID...');
  const refOf = (id: string) => ({ id, provider: provider.name, ...(model === undefined ? {} : { model }) });
  const refs = isObservable(ids) ? ids.pipe(map(refOf)) : ids.map(refOf);

  const followed = await follow({ providers: [provider], refs, speed, isJson, stop, ...saving });
  if (process.stdout.isTTY && !isJson) tellEnds(followed);
  return followed.code;
}
