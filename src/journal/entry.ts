import { DAY } from '../durations.js';
import { assignDefined } from '../fields.js';
import { bareUrl, brief } from '../redact.js';
import { isTerminal, changeKey, type RunningStatus, type RunningTask, type Task } from '../task.js';
import type { JournalEntry, JournalRef, JournalTransition, KnownTask } from './journal.js';

// What an entry contains and how it changes: pure functions. A change that changes nothing returns undefined.

/** Earlier times come from a virtual clock, and no ref accepts them. Epoch ms. */
const EARLIEST_TIME = 1e12;

export function newEntry({ provider, id, model, hint, createdAt, ...ref }: JournalRef, now: number): JournalEntry {
  const retention = longerThanDay(ref.retention);
  return assignDefined({ provider, id, trackedAt: now, seq: 0, acked: 0 }, { model, hint, createdAt, retention });
}

/** The entry of a task that is tracked with this ref: what a later one contains is added. */
export function withRef(entry: JournalEntry, ref: JournalRef): JournalEntry | undefined {
  const fields = {
    // One that an answer has named holds.
    model: (entry.last && entry.model) ?? ref.model,
    hint: ref.hint,
    // `knownTask` takes the time of tracking where no time of creation is known.
    createdAt: ref.createdAt === entry.trackedAt ? undefined : ref.createdAt,
    retention: longerThanDay(ref.retention),
  };
  const names = Object.keys(fields) as (keyof typeof fields)[];
  if (names.every((name) => (fields[name] ?? entry[name]) === entry[name])) return undefined;
  return assignDefined({ ...entry }, fields);
}

function longerThanDay(retention = DAY): number | undefined {
  return retention > DAY ? retention : undefined;
}

/** Whether a restart brings the task back: it is not settled, or not acknowledged. */
export function isOpen({ last, seq, acked }: JournalEntry): boolean {
  return seq > acked || !last || !(last.status === 'lost' || isTerminal(last));
}

/** Whether its end was acknowledged, and its service has deleted its record by now. */
export function isOver(entry: JournalEntry, now: number): boolean {
  return !isOpen(entry) && now - (entry.last?.at ?? entry.trackedAt) >= (entry.retention ?? DAY);
}

/** The entry after an answer that differs from the last one. */
export function withAnswer(entry: JournalEntry, task: Task): JournalEntry | undefined {
  const last = transitionOf(task);
  if (entry.last && changeKey(entry.last) === changeKey(last)) return undefined;
  const learned = { model: task.model, createdAt: entry.createdAt ?? task.createdAt };
  return assignDefined({ ...entry, seq: entry.seq + 1, last }, learned);
}

/** The entry of a task whose tracking ended for good without a terminal answer. */
export function withLoss(entry: JournalEntry, now: number): JournalEntry | undefined {
  if (entry.last?.status === 'lost') return undefined;
  return { ...entry, seq: entry.seq + 1, last: { status: 'lost', at: now } };
}

/** The entry of a task that was lost or is over, and is tracked again: from now on a restart brings it back. */
export function reopened(entry: JournalEntry, now: number): JournalEntry | undefined {
  if (isOpen(entry) || !(entry.last?.status === 'lost' || isOver(entry, now))) return undefined;
  const { trackedAt, seq, acked } = entry;
  return { ...newEntry(entry, trackedAt), seq, acked };
}

/** Acknowledges the transitions up to this number. */
export function withAck(entry: JournalEntry, seq: number): JournalEntry | undefined {
  const acked = Math.min(seq, entry.seq);
  return acked > entry.acked ? { ...entry, acked } : undefined;
}

/** A task to track again, as a ref. */
export function knownTask({ provider, id, model, hint, createdAt, trackedAt }: JournalEntry): KnownTask {
  const since = [createdAt, trackedAt].find((time) => time !== undefined && time > EARLIEST_TIME);
  return assignDefined({ provider, id }, { model, hint, createdAt: since });
}

/** The last transition as a task, if it is of a running task and was not acknowledged. */
export function undelivered({
  provider,
  id,
  model,
  createdAt,
  seq,
  acked,
  last,
}: JournalEntry): RunningTask | undefined {
  if (!last || seq <= acked || last.status === 'lost' || isTerminal(last)) return undefined;
  const { status, rawStatus = status, progress, at } = last as JournalTransition & { status: RunningStatus };
  return assignDefined({ provider, id, status, rawStatus, observedAt: at, seq }, { model, progress, createdAt });
}

function transitionOf(task: Task): JournalTransition {
  const { status, rawStatus, progress, observedAt } = task;
  const url = status === 'completed' ? bareUrl(task.video.url) : undefined;
  return assignDefined({ status, rawStatus: brief(rawStatus), at: observedAt }, { progress, url });
}
