import { isQueryError, QueryError } from '../errors.js';
import { check } from '../options.js';
import type { Query, TaskRefFields } from '../query.js';
import type { Task } from '../task.js';
import { playScript, type Script, type ScriptEvent, type ScriptOptions, type ScriptStep } from './script.js';
import { buildTask, DEFAULTS } from './tasks.js';

/** How a script is played, and whose answers it gives. */
export interface ScriptedQueryOptions extends ScriptOptions {
  /** The provider of every answer, unless the ref names one. @default 'scripted' */
  readonly provider?: string;
}

/** A query that plays a script, and its log. */
export interface ScriptedQuery {
  /** In the place of `createQuery(...)` or `tracker.query`: asks the script. */
  readonly query: Query;
  /** Everything that happened, in order. */
  readonly log: readonly ScriptEvent[];
}

/**
 * Returns a query that answers from a script instead of a service. Time is RxJS's own, so it may be virtual
 * (TestScheduler), faked or real. It counts the queries of each id, so make a new one for each test.
 *
 * Answers carry the id and the provider that were asked about, whatever their step contains; `observedAt` is 0 unless
 * the step sets it, so that answers equal `marbleTasks({ id })`.
 *
 * @throws TypeError at call time for a script or step that is none, and for an unknown option; RangeError for a
 * `latency` that no timer can take.
 *
 * @example
 * const { query, log } = scriptedQuery({ video_1: ['q', 'server', { status: 'processing', progress: 40 }, 's'] });
 * query('video_1').pipe(pollUntilTerminal(), dedupeStatus()).subscribe(...);
 */
export function scriptedQuery(script: Script<ScriptStep<Task>>, options: ScriptedQueryOptions = {}): ScriptedQuery {
  const { play, log } = playScript<Task>('scriptedQuery', script, options, ['latency', 'provider']);
  const { provider = DEFAULTS.provider } = options;
  check('provider', provider, typeof provider === 'string', "a name, such as 'alad'");
  const query: Query = (ref) => {
    const fields = Object(typeof ref === 'string' ? { id: ref } : ref) as TaskRefFields;
    check('id', fields.id, typeof fields.id === 'string', 'the id of a task');
    const who = { id: fields.id, provider: fields.provider ?? provider };
    return play(who.id, (turn) => {
      if ('task' in turn) return buildTask({ ...turn.task, ...who });
      if ('error' in turn) throw isQueryError(turn.error) ? turn.error : scriptedError(turn.error, who);
      return turn.extra;
    });
  };
  return { query, log };
}

function scriptedError(kind: QueryError['kind'], who: { readonly id: string; readonly provider: string }): QueryError {
  return new QueryError(
    kind,
    `${who.provider} returned no usable status for task ${who.id}: the script says ${kind}`,
    who,
  );
}
