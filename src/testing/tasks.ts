import { TrackingError } from '../errors.js';
import { check } from '../options.js';
import type { LostTask } from '../tracked-task.js';
import type {
  CancelledTask,
  CompletedTask,
  FailedTask,
  ProcessingTask,
  QueuedTask,
  Task,
  TaskStatus,
  UnknownTask,
} from '../task.js';

type Over<T extends { readonly status: string }> = Partial<Omit<T, 'status'>>;

/** A task in a script: its status, and whatever other fields matter. */
export type ScriptTask = Task extends infer T
  ? T extends Task
    ? {
        /** The status of the task. */
        readonly status: T['status'];
      } & Over<T>
    : never
  : never;

/** The default id, provider and time of a task: the same for every builder, so that tasks compare equal. */
export const DEFAULTS = { id: 'task', provider: 'scripted', observedAt: 0 } as const;

/**
 * Returns a task that waits at its service. What is not given has a valid default: id `task`, provider `scripted`, the
 * status as `rawStatus`, `observedAt` 0.
 *
 * @throws TypeError at call time for fields that are no object.
 *
 * @example
 * queuedTask({ id: 'video_1', model: 'veo_3_1' })
 */
export function queuedTask(over: Over<QueuedTask> = {}): QueuedTask {
  return { ...DEFAULTS, rawStatus: 'queued', ...fieldsOf('queuedTask', over), status: 'queued' };
}

/**
 * Returns a task that is being generated. Defaults as in `queuedTask`.
 * @throws TypeError at call time for fields that are no object.
 */
export function processingTask(over: Over<ProcessingTask> = {}): ProcessingTask {
  return { ...DEFAULTS, rawStatus: 'processing', ...fieldsOf('processingTask', over), status: 'processing' };
}

/**
 * Returns a task whose service used an undocumented word: `rawStatus` is `reviewing` by default.
 * @throws TypeError at call time for fields that are no object.
 */
export function unknownTask(over: Over<UnknownTask> = {}): UnknownTask {
  return { ...DEFAULTS, rawStatus: 'reviewing', ...fieldsOf('unknownTask', over), status: 'unknown' };
}

/**
 * Returns a task that is done. Its video is at `https://videos.example.com/{id}.mp4` by default and never expires.
 * @throws TypeError at call time for fields that are no object.
 */
export function completedTask(over: Over<CompletedTask> = {}): CompletedTask {
  const { id } = { ...DEFAULTS, ...fieldsOf('completedTask', over) };
  const video = { url: `https://videos.example.com/${encodeURIComponent(id)}.mp4` };
  return { ...DEFAULTS, rawStatus: 'completed', video, ...over, status: 'completed' };
}

/**
 * Returns a task that its service gave up. By default no reason is given.
 * @throws TypeError at call time for fields that are no object.
 */
export function failedTask(over: Over<FailedTask> = {}): FailedTask {
  const failure = { message: 'no reason given', kind: 'unknown' } as const;
  return { ...DEFAULTS, rawStatus: 'failed', failure, ...fieldsOf('failedTask', over), status: 'failed' };
}

/**
 * Returns a task that was cancelled at its service.
 * @throws TypeError at call time for fields that are no object.
 */
export function cancelledTask(over: Over<CancelledTask> = {}): CancelledTask {
  return { ...DEFAULTS, rawStatus: 'cancelled', ...fieldsOf('cancelledTask', over), status: 'cancelled' };
}

/**
 * Returns a task that cannot be tracked any more, as `trackAll` emits it. By default its deadline has passed.
 * @throws TypeError at call time for fields that are no object.
 */
export function lostTask(over: Over<LostTask> = {}): LostTask {
  const { id, provider } = { ...DEFAULTS, ...fieldsOf('lostTask', over) };
  const message = `${provider} task ${id} is not tracked any more: its deadline has passed`;
  const error = over.error ?? new TrackingError('deadline', message, { id, provider, misses: 0, last: over.last });
  return { ...DEFAULTS, ...over, error, status: 'lost' };
}

function fieldsOf<Fields>(caller: string, fields: Fields): Fields {
  check(caller, fields, Object(fields) === fields, `${caller}({ id: 'video_1' })`);
  return fields;
}

const BUILDERS: { readonly [Status in TaskStatus]: (over: object) => Task } = {
  queued: queuedTask,
  processing: processingTask,
  unknown: unknownTask,
  completed: completedTask,
  failed: failedTask,
  cancelled: cancelledTask,
};

/** A whole task from the fields that a script has. @throws TypeError for a status that is none. */
export function buildTask(fields: ScriptTask): Task {
  const status = fields?.status;
  check('status', status, isTaskStatus(status), Object.keys(BUILDERS).join(', '));
  return BUILDERS[status](fields);
}

export function isTaskStatus(word: unknown): word is TaskStatus {
  return typeof word === 'string' && Object.hasOwn(BUILDERS, word);
}
