import { firstValueFrom, type Observable } from 'rxjs';
import type { JournalSession, TaskRefFields } from 'rx-video-tasks';
import { fileJournal } from 'rx-video-tasks/node';
import { counted } from './format.js';
import { readSaving, savingOptions } from './saving.js';
import { isService, keyNameOf, providerOf, servicesWithKeys } from './services.js';
import { printResults, trackTasks } from './track-tasks.js';
import { trackHere } from './tracking.js';
import { orUsageError, readArgs, readNumber, UsageError } from './usage.js';

/** `resume [PROVIDER] --journal FILE` @throws UsageError */
export async function resume(args: string[], stop: Observable<unknown>): Promise<number> {
  const { values, positionals } = readArgs(args, {
    'base-url': { type: 'string' },
    speed: { type: 'string' },
    json: { type: 'boolean' },
    ...savingOptions,
  });
  const [only, ...rest] = positionals;
  if (rest.length > 0) throw new UsageError('resume takes its tasks from the journal; write resume --journal FILE');
  if (values.journal === undefined) throw new UsageError('no journal is given; write resume --journal FILE');
  const baseUrl = values['base-url'];
  if (baseUrl !== undefined && only === undefined) {
    throw new UsageError('--base-url belongs to one provider; write resume PROVIDER --base-url URL --journal FILE');
  }
  const speed = readNumber('speed', values.speed) ?? 1;
  const { json: isJson = false } = values;
  const names = only === undefined ? servicesWithKeys() : [only];
  const providers = names.map((name) => providerOf(name, { baseUrl }));
  const { journal, ...saving } = readSaving(values, providers);

  const session = orUsageError(() => fileJournal(journal ?? '').open());
  try {
    const tasks = await tasksIn(session);
    const refs = tasks.filter(({ provider }) => names.includes(provider ?? ''));
    if (only === undefined) printMissingKeys(tasks, names);
    if (refs.length === 0) {
      console.error(`Nothing in the journal is left to do${tasks.length > 0 ? ' for the keys that are set' : ''}.`);
      return tasks.length > 0 && only === undefined ? 2 : 0;
    }
    const tracking = trackHere({
      ...{ providers, speed, isResumed: true, isSaving: saving.save !== undefined },
      journal: { open: () => restricted(session, names) },
    });
    const result = await trackTasks({ tracking, refs, ...{ providers, speed, isJson, stop, ...saving } });
    printResults(result, isJson);
    return result.code;
  } finally {
    session.close();
  }
}

/** The tasks of a journal that are not done. @throws UsageError for a file that cannot be used. */
async function tasksIn(session: JournalSession): Promise<readonly TaskRefFields[]> {
  try {
    return await firstValueFrom(session.tasks(), { defaultValue: [] });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** What is not tracked for want of a key stays in the journal as it is. */
function printMissingKeys(tasks: readonly TaskRefFields[], names: readonly string[]): void {
  const counts = new Map<string, number>();
  for (const { provider = '' } of tasks) {
    if (!names.includes(provider)) counts.set(provider, (counts.get(provider) ?? 0) + 1);
  }
  for (const [provider, count] of counts) {
    const left = `${counted(count, 'task')} of ${provider} ${count === 1 ? 'stays' : 'stay'} in the journal`;
    console.error(
      `${left}: ${isService(provider) ? `${keyNameOf(provider)} is not set` : 'not a provider of this command'}`,
    );
  }
}

/** A session that resumes the tasks of these providers only. */
function restricted(session: JournalSession, names: readonly string[]): JournalSession {
  return {
    ...session,
    resume: (track, isManual) =>
      session.resume((task) => (names.includes(task.provider) ? track(task) : undefined), isManual),
  };
}
