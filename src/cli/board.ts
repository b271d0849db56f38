import { color, DefaultRenderer, Listr } from 'listr2';
import {
  combineLatest,
  concat,
  filter,
  from,
  ignoreElements,
  lastValueFrom,
  map,
  of,
  share,
  shareReplay,
  startWith,
  switchMap,
  takeUntil,
  takeWhile,
  tap,
  timer,
  toArray,
  type Observable,
} from 'rxjs';
import { isSettled, summarize, type Board, type TaskRefFields, type TrackedTask } from 'rx-video-tasks';
import type { SaveProgress } from 'rx-video-tasks/node';
import { isTask, type Feed, type View } from './view.js';
import { rowText, type Row } from './row.js';
import { orUsageError } from './usage.js';
import { describeBoard } from './format.js';

/** How often bars and clocks move, in ms. */
const TICK = 250;

/** The shortest time between two drawings of the board, in ms. */
const REDRAW = 100;

const LEGEND = color.dim('   ~ estimated from documented times');

/** A live board: one row with a progress bar for each task, and below them a summary. */
export const showBoard: View = async (feed) => {
  const { track, stop } = feed;
  const refs = await lastValueFrom(from(feed.refs).pipe(takeUntil(stop), toArray()), { defaultValue: [] });
  const since = Date.now();
  const ticks = timer(0, TICK).pipe(share());
  // Replayed, since the rows subscribe one after the other.
  const events = orUsageError(() => track(refs)).pipe(
    takeUntil(stop),
    shareReplay({ bufferSize: Infinity, refCount: true }),
  );

  const transitions = events.pipe(filter(isTask));
  let board: Board | undefined;
  const summary = combineLatest([transitions.pipe(summarize()), ticks]).pipe(
    map(([now]) => (board = now)),
    takeWhile(({ settled }) => settled < refs.length, true),
    map((now) => describeBoard(now, refs.length, Date.now() - since) + LEGEND),
    takeUntil(stop),
  );

  const rows = refs.map((ref) => ({
    title: ref.id,
    task: (_: unknown, line: { title: string; skip: () => unknown }) =>
      rowOf(ref, feed, events, ticks, since).pipe(
        tap((row) => {
          const text = rowText(row, process.stdout.columns);
          if (text !== line.title) line.title = text;
          // An error is how listr2 learns that a row is to be marked as failed.
          if (row.task && isSettled(row.task) && row.task.status !== 'completed') throw new Error(row.task.status);
          if (row.save?.status === 'save-failed') throw new Error(row.save.status);
        }),
        ignoreElements(),
        takeUntil(stop.pipe(tap(() => line.skip()))),
      ),
  }));

  const bottom = { task: () => summary, rendererOptions: { bottomBar: 1 } };
  await new Listr<unknown, typeof CalmRenderer>([...rows, bottom], {
    concurrent: true,
    exitOnError: false,
    registerSignalListeners: false,
    renderer: CalmRenderer,
    rendererOptions: {
      formatOutput: 'truncate',
      collapseErrors: false,
      showErrorMessage: false,
      icon: { OUTPUT_WITH_BOTTOMBAR: '' },
    },
  }).run();
  if (board) console.log(`\n${describeBoard(board, refs.length, Date.now() - since)}`);
  return board;
};

/** The row of one task, at each transition, missed poll and tick, up to the transition that settles it. */
function rowOf(
  ref: TaskRefFields,
  { providers, misses, speed, save: directory }: Feed,
  events: Observable<TrackedTask | SaveProgress>,
  ticks: Observable<unknown>,
  since: number,
): Observable<Row> {
  const isMine = ({ id, provider }: { id: string; provider: string }) => id === ref.id && provider === ref.provider;
  const windows = providers.find(({ name }) => name === ref.provider)?.windows ?? {};
  const mine = events.pipe(filter((told) => isMine(told)));
  const task = mine.pipe(filter(isTask), startWith(undefined));
  const save = mine.pipe(
    filter((told): told is SaveProgress => !isTask(told)),
    startWith(undefined),
  );
  const miss = misses.pipe(
    filter((missed) => isMine(missed)),
    // It is worth telling until the next ask.
    switchMap((missed) => concat(of(missed), timer(missed.nextPollIn).pipe(map(() => undefined)))),
    startWith(undefined),
  );
  return combineLatest({ task, miss, save, tick: ticks }).pipe(
    map((told) => ({ ref, windows, speed, since, now: Date.now(), ...told })),
    takeWhile((row) => !isOver(row, directory !== undefined), true),
  );
}

/** Whether nothing more will be told of a task. */
function isOver({ task, save }: { task: TrackedTask | undefined; save: SaveProgress | undefined }, isSaved: boolean) {
  if (!task || !isSettled(task)) return false;
  return !isSaved || task.status !== 'completed' || save?.status === 'saved' || save?.status === 'save-failed';
}

/** Draws at most once in a while: listr2 draws all rows whenever one changes, which for a hundred takes a whole core. */
class CalmRenderer extends DefaultRenderer {
  #next: NodeJS.Timeout | undefined;

  override update(): void {
    this.#next ??= setTimeout(() => {
      this.#next = undefined;
      super.update();
    }, REDRAW);
  }

  override end(): void {
    clearTimeout(this.#next);
    super.end();
  }
}
