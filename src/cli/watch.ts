import { isObservable, map, type Observable } from 'rxjs';
import { isSettled } from 'rx-video-tasks';
import { follow } from './follow.js';
import { idsOf } from './ids.js';
import { readSaving, savingOptions } from './saving.js';
import { providerOf } from './services.js';
import { readArgs, readNumber } from './usage.js';
import { describeSave, describeTask } from './words.js';

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
  const ids = idsOf(rest);
  const refOf = (id: string) => ({ id, provider: provider.name, ...(model === undefined ? {} : { model }) });
  const refs = isObservable(ids) ? ids.pipe(map(refOf)) : ids.map(refOf);

  const { board, saves, code } = await follow({ providers: [provider], refs, speed, isJson, stop, ...saving });
  // The board has no room for URLs and reasons; lines have told them already.
  if (process.stdout.isTTY && !isJson) {
    for (const task of board?.tasks.filter(isSettled) ?? []) console.log(`\n${describeTask(task)}`);
    for (const save of saves) console.log(`\n${describeSave(save)}`);
  }
  return code;
}
