import { finalize, from, fromEvent, interval, lastValueFrom, merge, Subject, takeUntil, tap } from 'rxjs';
import { type TaskRefFields, type TrackedTask } from 'rx-video-tasks';
import { describeStats, describeTasks } from './format.js';
import { paint } from './paint.js';
import { elapsed, isOpen, rowText, type Row } from './row.js';
import { Screen } from './screen.js';
import { isTask, keyOf, type View } from './view.js';

/** How often the board is drawn, in ms. */
const REDRAW = 100;

const LEGEND = '   ~ estimated';

/** A live board: one row with a progress bar for each task, and below them a summary. */
export const showBoard: View = async ({ refs, track, misses, stats, providers, speed, stop }) => {
  const { stdout } = process;
  const since = Date.now();
  const rows = new Map<string, Row>();
  const last = new Map<string, TrackedTask>();

  const rowOf = (ref: TaskRefFields): Row => {
    let row = rows.get(keyOf(ref));
    if (!row) {
      const windows = providers.find(({ name }) => name === ref.provider)?.windows ?? {};
      rows.set(keyOf(ref), (row = { ref, windows, speed, since, changedAt: since }));
    }
    return row;
  };
  const addRow = tap(rowOf);
  let statistics: readonly string[] = [];

  /** The lines for a terminal of this size; with `isOver` all rows, else as many as it has room for. */
  const lines = (now: number, isOver: boolean): string[] => {
    const all = [...rows.values()];
    const shown = isOver ? all : firstOpen(all, stdout.rows - 3 - statistics.length);
    const columns = stdout.columns - 1;
    const hidden = all.length - shown.length;
    const summary = describeTasks(last.values(), rows.size, isOver ? longest(all, now) : now - since);
    return [
      ...shown.map((row) => rowText(row, { columns, now, isOver })),
      ...(hidden > 0 ? [paint('dim', `  and ${hidden} more`)] : []),
      (summary + (isOver || columns < summary.length + LEGEND.length ? '' : paint('dim', LEGEND))).slice(
        0,
        2 * columns,
      ),
      ...statistics.map((line) => paint('dim', line.slice(0, columns))),
    ];
  };

  const events = track('length' in refs ? refs : from(refs).pipe(addRow)).pipe(
    tap((event) => {
      const row = rowOf(event);
      row.changedAt = Date.now();
      delete row.miss;
      if (isTask(event)) {
        row.task = event;
        last.set(keyOf(event), event);
      } else row.save = event;
    }),
    takeUntil(stop),
  );
  if ('length' in refs) refs.forEach(rowOf);

  const screen = new Screen(stdout);
  const draw = (isOver: boolean) => {
    screen.draw(lines(Date.now(), isOver));
  };
  const over = new Subject<void>();
  const drawing = merge(interval(REDRAW), fromEvent(stdout, 'resize')).pipe(
    tap(() => {
      draw(false);
    }),
  );
  const missing = misses.pipe(
    tap((miss) => {
      rowOf(miss).miss = { miss, nextPollAt: Date.now() + miss.nextPollIn };
    }),
  );
  const counting = stats.pipe(
    tap((now) => {
      statistics = describeStats(now);
    }),
  );
  const ending = events.pipe(
    finalize(() => {
      over.next();
    }),
  );
  try {
    await lastValueFrom(merge(merge(drawing, missing, counting).pipe(takeUntil(over)), ending), {
      defaultValue: undefined,
    });
  } finally {
    draw(true);
    screen.close();
  }
  return last;
};

/** As many rows as there is room for: those that are open, then the first of the others; in their order. */
function firstOpen(rows: readonly Row[], room: number): readonly Row[] {
  if (rows.length <= room) return rows;
  const open = rows.filter(isOpen).slice(0, room);
  const closed = rows.filter((row) => !isOpen(row)).slice(0, room - open.length);
  const shown = new Set([...open, ...closed]);
  return rows.filter((row) => shown.has(row));
}

/** What the last row to end shows, so that the summary agrees with it. */
function longest(rows: readonly Row[], now: number): number {
  return Math.max(0, ...rows.map((row) => elapsed(row, now)));
}
