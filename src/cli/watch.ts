import { isObservable, map, type Observable } from 'rxjs';
import type { Provider, TaskRefFields } from 'rx-video-tasks';
import { fileJournal } from 'rx-video-tasks/node';
import { idsOf } from './ids.js';
import { readSaving, savingOptions } from './saving.js';
import { providerOf, servicesWithKeys } from './services.js';
import { printResults, trackTasks, type TrackRequest } from './track-tasks.js';
import { readArgs, readNumber, UsageError } from './usage.js';

export const watchOptions = {
  'base-url': { type: 'string' },
  model: { type: 'string' },
  speed: { type: 'string' },
  json: { type: 'boolean' },
  ...savingOptions,
} as const;

/** `watch PROVIDER ID...` or `watch PROVIDER:ID...` @throws UsageError */
export async function watch(args: string[], stop: Observable<unknown>): Promise<number> {
  const { values, positionals } = readArgs(args, watchOptions);
  const { model, json: isJson = false } = values;
  const speed = readNumber('speed', values.speed) ?? 1;
  const { refs, providers } = tasksOf(positionals, values['base-url']);
  const { journal, ...saving } = readSaving(values, providers);
  const withModel = (ref: TaskRefFields) => (model === undefined ? ref : { ...ref, model });
  const result = await trackTasks({
    providers,
    refs: isObservable(refs) ? refs.pipe(map(withModel)) : refs.map(withModel),
    journal: journal === undefined ? undefined : fileJournal(journal),
    ...{ speed, isJson, stop, ...saving },
  });
  printResults(result, isJson);
  return result.code;
}

const USAGE = 'watch PROVIDER ID... or watch PROVIDER:ID...';

/** The tasks of a command line, and the accounts that they need. @throws UsageError */
function tasksOf(args: readonly string[], baseUrl?: string): Pick<TrackRequest, 'refs' | 'providers'> {
  const [first, ...rest] = args;
  if (first === undefined) throw new UsageError(`no task is given; write ${USAGE}`);
  if (first === '-' || first.includes(':')) return tasksOfSeveral(args, baseUrl);
  const provider = providerOf(first, baseUrl);
  return { providers: [provider], ...refsOf(rest, (id) => ({ id, provider: provider.name })) };
}

function tasksOfSeveral(args: readonly string[], baseUrl?: string): Pick<TrackRequest, 'refs' | 'providers'> {
  if (baseUrl !== undefined) {
    throw new UsageError(
      '--base-url goes with one provider; write watch PROVIDER ID..., or set ALAD_BASE_URL and so on',
    );
  }
  const named = args.filter((arg) => arg !== '-').map((arg) => refOf(arg).provider);
  // Standard input may name any of them later.
  const names = new Set(named.length === args.length ? named : [...named, ...servicesWithKeys()]);
  const providers: Provider[] = [...names].map((name) => providerOf(name));
  if (providers.length === 0) throw new UsageError('no key is set; write export ALAD_API_KEY=... before this command');
  return { providers, ...refsOf(args, refOf) };
}

function refsOf(args: readonly string[], read: (text: string) => TaskRefFields): Pick<TrackRequest, 'refs'> {
  const ids = idsOf(args, USAGE);
  return { refs: isObservable(ids) ? ids.pipe(map(read)) : ids.map(read) };
}

/** The task behind `PROVIDER:ID`. @throws UsageError */
function refOf(text: string): { provider: string; id: string } {
  const at = text.indexOf(':');
  if (at < 0) throw new UsageError(`"${text}" names no service; write PROVIDER:ID, for example alad:${text}`);
  return { provider: text.slice(0, at), id: text.slice(at + 1) };
}
