import { color, isUnicodeSupported } from 'listr2';
import {
  isSettled,
  windowOf,
  type Miss,
  type PollWindows,
  type Task,
  type TaskRefFields,
  type TrackedTask,
} from 'rx-video-tasks';
import type { SaveProgress } from 'rx-video-tasks/node';
import { clock, describeSaving, describeState, plain } from './format.js';

/** All that a row of the board tells of one task. */
export interface Row {
  readonly ref: TaskRefFields;
  /** Absent until the first answer. */
  readonly task: TrackedTask | undefined;
  /** The last poll, while it is a missed one. */
  readonly miss: Miss | undefined;
  /** How saving its video goes on. */
  readonly save?: SaveProgress | undefined;
  readonly windows: PollWindows;
  /** When watching began, in epoch ms. */
  readonly since: number;
  readonly now: number;
  readonly speed: number;
}

const [FULL, EMPTY] = isUnicodeSupported() ? ['━', '─'] : ['=', '-'];
const PROVIDER_WIDTH = 14;
const ID_WIDTH = 16;
const MODEL_WIDTH = 24;
/** The columns of a row beside its bar and its model. */
const FIXED_WIDTH = PROVIDER_WIDTH + ID_WIDTH + 32;

/** A row of the board, for a terminal with so many columns. */
export function rowText(row: Row, columns: number): string {
  const spare = columns - FIXED_WIDTH;
  const hasModel = spare > MODEL_WIDTH + 16;
  const barWidth = Math.max(8, Math.min(40, spare - (hasModel ? MODEL_WIDTH + 1 : 0)));
  const { percent, isEstimate } = progressOf(row);
  const told = percent === undefined ? '' : `${isEstimate ? '~' : ''}${Math.floor(percent)}%`;
  const cells = [
    (row.ref.provider ?? '').padEnd(PROVIDER_WIDTH),
    color.dim(shorten(row.ref.id, ID_WIDTH).padEnd(ID_WIDTH)),
    ...(hasModel ? [color.dim(shorten(plain(modelOf(row) ?? ''), MODEL_WIDTH).padEnd(MODEL_WIDTH))] : []),
    bar(row, percent ?? 0, barWidth),
    told.padStart(4),
    color.dim(clock(age(row)).padStart(5)),
    state(row),
  ];
  return cells.join(' ');
}

/**
 * How far a task is: as its service says, else estimated from the documented generation time of its model. An estimate
 * never says that a task is nearly done.
 */
export function progressOf(row: Row): { percent: number | undefined; isEstimate: boolean } {
  const { task, windows, speed, save } = row;
  if (save?.status === 'saving') {
    return { percent: save.total && (100 * save.bytes) / save.total, isEstimate: false };
  }
  if (task?.status === 'completed') return { percent: 100, isEstimate: false };
  const last = lastAnswer(row);
  if (last?.progress !== undefined) return { percent: last.progress, isEstimate: false };
  const { generation } = windowOf(windows, modelOf(row));
  if (!task || isSettled(task) || !generation) return { percent: undefined, isEstimate: false };
  const [, longest] = generation;
  return { percent: Math.min(90, (100 * age(row) * speed) / longest), isEstimate: true };
}

/** How old a task is, in ms: since its creation where its service tells that, else since watching began. */
function age(row: Row): number {
  const { task, since, now } = row;
  const last = lastAnswer(row);
  const until = task && isSettled(task) ? (last?.finishedAt ?? task.observedAt) : now;
  return Math.max(0, until - Math.min(last?.createdAt ?? since, since));
}

function modelOf(row: Row): string | undefined {
  return lastAnswer(row)?.model ?? row.ref.model;
}

function lastAnswer({ task }: Row): Task | undefined {
  return task?.status === 'lost' ? task.last : task;
}

const INKS = { completed: color.green, failed: color.red, cancelled: color.red, lost: color.red };

function bar({ task }: Row, percent: number, width: number): string {
  const done = Math.round((width * percent) / 100);
  const ink = task && isSettled(task) ? INKS[task.status] : color.cyan;
  return ink(FULL.repeat(done)) + color.dim(EMPTY.repeat(width - done));
}

function state({ task, miss, save }: Row): string {
  if (save?.status === 'save-failed') return color.red(plain(describeSaving(save)));
  // For its path there is no room.
  if (save) return color.green(save.status === 'saved' ? 'saved' : describeSaving(save));
  if (task?.status === 'completed') return color.green('completed');
  if (task && isSettled(task)) return color.red(plain(describeState(task)));
  if (miss) return color.yellow(plain(`asks again in ${clock(miss.nextPollIn)}: ${miss.error.message}`));
  if (!task) return color.dim('asking');
  return task.status === 'unknown' ? plain(task.rawStatus) : task.status;
}

/** Leaves out the middle: ids and models differ at their ends. */
function shorten(text: string, width: number): string {
  if (text.length <= width) return text;
  const head = Math.floor((width - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (width - 1 - head))}`;
}
