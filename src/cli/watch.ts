import { isObservable, map, type Observable } from 'rxjs';
import type { Provider, TaskRefFields } from 'rx-video-tasks';
import { fileJournal } from 'rx-video-tasks/node';
import { fleetOptions, readFleet, trackInFleet } from './fleet.js';
import { idsOf } from './ids.js';
import { readSaving, savingOptions } from './saving.js';
import { providerOf, services, servicesWithKeys, type AccountOptions } from './services.js';
import { printResults, trackTasks, type TrackRequest } from './track-tasks.js';
import { trackHere } from './tracking.js';
import { readArgs, readNumber, UsageError } from './usage.js';

export const watchOptions = {
  'base-url': { type: 'string' },
  model: { type: 'string' },
  speed: { type: 'string' },
  json: { type: 'boolean' },
  stats: { type: 'boolean' },
  svg: { type: 'string' },
  ...savingOptions,
  ...fleetOptions,
} as const;

/** `watch PROVIDER ID...` or `watch PROVIDER:ID...` @throws UsageError */
export async function watch(args: string[], stop: Observable<unknown>): Promise<number> {
  const { values, positionals } = readArgs(args, watchOptions);
  const { model, svg, json: isJson = false, stats: isStats = false } = values;
  const speed = readNumber('speed', values.speed) ?? 1;
  const fleet = readFleet(values);
  if (fleet && values.journal !== undefined) {
    throw new UsageError('--journal: a fleet keeps its tasks in Redis; leave it out with --redis');
  }
  if (fleet && values.speed !== undefined)
    throw new UsageError('--speed goes with the worker; leave it out with --redis');
  const { refs, providers } = tasksOf(positionals, { baseUrl: values['base-url'], isKeyOptional: fleet !== undefined });
  const { journal: file, ...saving } = readSaving(values, providers);
  const withModel = (ref: TaskRefFields) => (model === undefined ? ref : { ...ref, model });
  const journal = file === undefined ? undefined : fileJournal(file);
  const tracking = fleet
    ? await trackInFleet(fleet, providers)
    : trackHere({ providers, speed, journal, isSaving: saving.save !== undefined });
  const result = await trackTasks({
    refs: isObservable(refs) ? refs.pipe(map(withModel)) : refs.map(withModel),
    ...{ tracking, providers, speed, isJson, isStats, svg, stop, ...saving },
  });
  printResults(result, isJson);
  return result.code;
}

const USAGE = 'watch PROVIDER ID... or watch PROVIDER:ID...';

/** The tasks of a command line, and the accounts that they need. @throws UsageError */
function tasksOf(args: readonly string[], options: AccountOptions): Pick<TrackRequest, 'refs' | 'providers'> {
  const [first, ...rest] = args;
  if (first === undefined) throw new UsageError(`no task is given; write ${USAGE}`);
  if (first === '-' || first.includes(':')) return tasksOfSeveral(args, options);
  const provider = providerOf(first, options);
  return { providers: [provider], ...refsOf(rest, (id) => ({ id, provider: provider.name })) };
}

function tasksOfSeveral(args: readonly string[], options: AccountOptions): Pick<TrackRequest, 'refs' | 'providers'> {
  if (options.baseUrl !== undefined) {
    throw new UsageError(
      '--base-url goes with one provider; write watch PROVIDER ID..., or set ALAD_BASE_URL and so on',
    );
  }
  const named = args.filter((arg) => arg !== '-').map((arg) => refOf(arg).provider);
  // Standard input may name any of them later.
  const others = options.isKeyOptional ? services : servicesWithKeys();
  const names = new Set(named.length === args.length ? named : [...named, ...others]);
  const providers: Provider[] = [...names].map((name) => providerOf(name, options));
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
