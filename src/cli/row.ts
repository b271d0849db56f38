import stringWidth from 'string-width';
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
import { cell, cut } from './columns.js';
import { clock, describeAmount, describeReason, describeSaving, describeState, printable } from './format.js';
import { isUnicode, paint } from './paint.js';

/** What is known of one task of the board. Times in epoch ms. */
export interface Row {
  readonly ref: TaskRefFields;
  readonly windows: PollWindows;
  readonly speed: number;
  /** When watching began. */
  readonly since: number;
  /** Absent until the first answer. */
  task?: TrackedTask;
  /** The last poll, where it was missed, and when the next one is due. */
  miss?: { readonly miss: Miss; readonly nextPollAt: number };
  /** The progress of its download. */
  save?: SaveProgress;
  /** When the last transition or event of the download came. */
  changedAt: number;
}

const [FULL, EMPTY] = isUnicode ? ['━', '─'] : ['=', '-'];
const MARKS = isUnicode ? { good: '✔', bad: '✖', open: '·' } : { good: '+', bad: 'x', open: '.' };
const SPINNER = isUnicode ? ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'] : ['|', '/', '-', '\\'];
/** ms */
const SPIN = 100;

/** Room for the words that most rows show; longer ones take the columns of the bar. */
const STATE_WIDTH = 11;
const SHORTEST_BAR = 8;
const LONGEST_BAR = 40;
const MODEL_WIDTH = 21;

/**
 * A row of the board, at most as wide as the terminal. The state comes first: where it is long, the bar gives way, then
 * the model. Below 60 columns there are id, percentage and state only.
 */
export function rowText(row: Row, { columns, now, isOver }: { columns: number; now: number; isOver: boolean }): string {
  const { percent, isEstimate } = progressOf(row, now);
  const percentage = percent === undefined ? '' : `${isEstimate ? '~' : ''}${Math.floor(percent)}%`;
  const isNarrow = columns < 60;
  const fixed = [
    paintedMark(row, now, isOver),
    ...(isNarrow ? [] : [cell(row.ref.provider ?? '', 14)]),
    paint('dim', cell(row.ref.id, isNarrow ? 11 : 15)),
    percentage.padStart(4),
    ...(isNarrow ? [] : [paint('dim', clock(elapsed(row, now)).padStart(5))]),
  ].join(' ');

  let spare = columns - stringWidth(fixed) - 1;
  const [style, words] = stateOf(row, now);
  const text = cut(printable(words), spare);
  const state = text + ' '.repeat(Math.max(0, Math.min(STATE_WIDTH, spare) - stringWidth(text)));
  spare -= stringWidth(state) + 1;
  const hasModel = columns >= 99 && spare >= MODEL_WIDTH;
  if (hasModel) spare -= MODEL_WIDTH + 1;
  const barWidth = isNarrow || spare < SHORTEST_BAR ? 0 : Math.min(LONGEST_BAR, spare);
  return [
    fixed,
    style ? paint(style, state) : state,
    ...(hasModel ? [paint('dim', cell(modelOf(row) ?? '', MODEL_WIDTH))] : []),
    ...(barWidth > 0 ? [bar(row, percent ?? 0, barWidth)] : []),
  ]
    .join(' ')
    .trimEnd();
}

/**
 * The progress of a task: as its service states it, else estimated from the documented generation time of its model. An
 * estimate stays at 90 % at most.
 */
export function progressOf(row: Row, now: number): { percent: number | undefined; isEstimate: boolean } {
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
  const age = now - Math.min(last?.createdAt ?? row.since, row.since);
  return { percent: Math.max(0, Math.min(90, (100 * age * speed) / longest)), isEstimate: true };
}

/** How long this task has been watched, in ms, up to its end: by the clock of the board's footer. */
export function elapsed(row: Row, now: number): number {
  return (isOpen(row) ? now : row.changedAt) - row.since;
}

/** Whether more is to come: a transition, or the end of a download. */
export function isOpen({ task, save }: Row): boolean {
  return !task || !isSettled(task) || save?.status === 'saving';
}

function modelOf(row: Row): string | undefined {
  return lastAnswer(row)?.model ?? row.ref.model;
}

function lastAnswer({ task }: Row): Task | undefined {
  return task?.status === 'lost' ? task.last : task;
}

function paintedMark(row: Row, now: number, isOver: boolean): string {
  if (isOpen(row)) {
    return paint('cyan', isOver ? MARKS.open : (SPINNER[Math.floor(now / SPIN) % SPINNER.length] ?? ''));
  }
  const isGood = row.task?.status === 'completed' && row.save?.status !== 'save-failed';
  return isGood ? paint('green', MARKS.good) : paint('red', MARKS.bad);
}

function bar({ task }: Row, percent: number, width: number): string {
  const done = Math.round((width * percent) / 100);
  const style = !task || !isSettled(task) ? 'cyan' : task.status === 'completed' ? 'green' : 'red';
  return paint(style, FULL.repeat(done)) + paint('dim', EMPTY.repeat(width - done));
}

function stateOf(
  { task, miss, save }: Row,
  now: number,
): [style: Parameters<typeof paint>[0] | undefined, words: string] {
  if (save?.status === 'save-failed') return ['red', describeSaving(save)];
  if (save?.status === 'saving') return ['green', describeSaving(save)];
  // There is no room for a path or a URL.
  if (task?.status === 'completed') return ['green', (save ? 'saved' : 'completed') + describeAmount(task)];
  if (task && isSettled(task)) return ['red', describeState(task)];
  if (miss && now < miss.nextPollAt) {
    // Rounded up: a countdown ends with 0:01.
    return ['yellow', `retry in ${clock(miss.nextPollAt - now + 999)}: ${describeReason(miss.miss)}`];
  }
  if (!task) return ['dim', 'asking'];
  return [undefined, task.status === 'unknown' ? task.rawStatus : task.status];
}
