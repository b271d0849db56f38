import { isSettled, type CompletedTask, type Miss, type TrackedTask } from 'rx-video-tasks';
import type { SaveProgress } from 'rx-video-tasks/node';
import { inFlags } from './usage.js';
import type { Stats } from './view.js';

/** `alad asyntask_x processing 50 %`; at the end with the video's URL, or the reason why there is none. */
export function describeTask(task: TrackedTask): string {
  return printable([task.provider, task.id, describeState(task)].join(' '));
}

/** `alad asyntask_x saved ./videos/alad-asyntask_x-1f0c2a9b.mp4` */
export function describeSave(save: SaveProgress): string {
  return printable([save.provider, save.id, describeSaving(save)].join(' '));
}

/** The progress of a download, without the name of its task. */
export function describeSaving(save: SaveProgress): string {
  if (save.status === 'saved') return `saved ${save.path}`;
  if (save.status === 'save-failed') return `not saved: ${inFlags(save.error.message)}`;
  return `saving ${(save.bytes / 1e6).toFixed(1)} MB`;
}

/** The state of a task, without its name. */
export function describeState(task: TrackedTask): string {
  switch (task.status) {
    case 'completed':
      return `completed ${task.video.url}${describeAmount(task)}`;
    case 'failed':
      return `failed: ${task.failure.message}`;
    case 'lost':
      return `lost: ${task.error.message}`;
    case 'unknown':
      return `unknown (${task.rawStatus})${percent(task.progress)}`;
    default:
      return task.status + percent(task.progress);
  }
}

/** ` (amount: 0.32)`: what a task cost, in the unit of its service; empty where the service does not state it. */
export function describeAmount({ usage }: CompletedTask): string {
  return usage?.amount === undefined ? '' : ` (amount: ${usage.amount})`;
}

/** `alad asyntask_x missed a poll: server, HTTP 503: ...; next poll in 0:12` */
export function describeMiss(miss: Miss): string {
  const { provider, id, nextPollIn } = miss;
  return printable(`${provider} ${id} missed a poll: ${describeReason(miss)}; next poll in ${clock(nextPollIn)}`);
}

/** `server, HTTP 503: ...`: what fits into a few columns comes first. */
export function describeReason({ error }: Miss): string {
  const detail = error.httpStatus === undefined ? error.code : `HTTP ${error.httpStatus}`;
  return `${error.kind}${detail === undefined ? '' : `, ${detail}`}: ${error.message}`;
}

/** `12 tasks: 7 completed, 1 failed, 4 running, 0:42` */
export function describeTasks(tasks: Iterable<TrackedTask>, total: number, elapsedMs: number): string {
  const counts = { completed: 0, failed: 0, cancelled: 0, lost: 0, running: total };
  for (const task of tasks) {
    if (!isSettled(task)) continue;
    counts[task.status] += 1;
    counts.running -= 1;
  }
  const parts = Object.entries(counts).flatMap(([what, count]) => (count > 0 ? [`${count} ${what}`] : []));
  return `${counted(total, 'task')}: ${[...parts, clock(elapsedMs)].join(', ')}`;
}

/**
 * `alad: 2 requests waiting, 1 in flight, at most 60 a minute`, for each provider; or
 * `fleet: 12 tasks open, 9 polls waiting, 2 due, 1 in flight`.
 */
export function describeStats(stats: Stats): string[] {
  if (!('providers' in stats)) {
    const { open, delayed, due, active } = stats;
    return [
      `fleet: ${counted(open, 'task')} open, ${counted(delayed, 'poll')} waiting, ${due} due, ${active} in flight`,
    ];
  }
  return Object.entries(stats.providers).map(([name, { waiting, inFlight, requestsPerMinute = Infinity }]) => {
    const limit = Number.isFinite(requestsPerMinute) ? `, at most ${Math.round(requestsPerMinute)} a minute` : '';
    return `${name}: ${counted(waiting, 'request')} waiting, ${inFlight} in flight${limit}`;
  });
}

/** `1 task`, `12 tasks` */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** `0:07`, `12:34`, `1:02:03` */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const tail = `${minutes}:${String(seconds % 60).padStart(2, '0')}`;
  return hours > 0 ? `${hours}:${tail.padStart(5, '0')}` : tail;
}

/**
 * Text from outside, on one line and without control or format characters: these could steer a terminal
 * (ECMA-48, 8.3: ESC and the C1 controls; Unicode TR 36: bidirectional overrides).
 */
export function printable(text: string): string {
  return text.replace(/[\s\u2028\u2029]+/gu, ' ').replace(UNSAFE, escaped);
}

/** One line of NDJSON. `JSON.stringify` leaves DEL, the C1 controls and format characters as they are. */
export function jsonLine(value: object): string {
  return JSON.stringify(value).replace(UNSAFE, escaped);
}

/**
 * The task without what can open its URLs, for an output that ends up in logs: user name and password, and the query of
 * a presigned URL.
 */
export function withBareUrls(task: TrackedTask): TrackedTask {
  if (task.status !== 'completed') return task;
  const video = Object.entries(task.video).map(([name, value]: [string, unknown]) => [name, bare(value)]);
  return { ...task, video: { ...task.video, ...(Object.fromEntries(video) as Partial<typeof task.video>) } };
}

function bare(value: unknown): unknown {
  if (typeof value !== 'string' || !/^https?:/i.test(value) || !URL.canParse(value)) return value;
  const { origin, pathname } = new URL(value);
  return origin + pathname;
}

const UNSAFE = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** `\u001b`, as JSON writes it; beyond the basic plane two of them. */
function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, nth) => character.charCodeAt(nth));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}

function percent(progress: number | undefined): string {
  return progress === undefined ? '' : ` ${Math.round(progress)} %`;
}
