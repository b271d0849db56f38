import { renameSync, writeFileSync } from 'node:fs';
import { interval, tap } from 'rxjs';
import type { TrackedTask } from 'rx-video-tasks';
import { drawRun } from './run-picture.js';
import { recordRun } from './run-record.js';
import { UsageError } from './usage.js';

/** How often the file is written, in ms. */
const REDRAW = 2_000;

export interface RunFile {
  readonly addTransition: (task: TrackedTask) => void;
  /** Draws the whole run, and returns whether that could be written. */
  readonly close: () => boolean;
}

/**
 * Draws this run into a file, again and again while it goes on: a browser that reloads the file shows it live.
 *
 * @throws UsageError where the file cannot be written.
 */
export function openRunFile(file: string, speed: number): RunFile {
  const record = recordRun();
  const draw = () => {
    const content = drawRun([...record.tasks], { elapsedMs: record.now(), speed });
    // No reader sees half a picture.
    const temporary = `${file}.${process.pid}`;
    writeFileSync(temporary, content);
    renameSync(temporary, file);
  };
  try {
    draw();
  } catch (error) {
    record.close();
    throw new UsageError(`--svg: ${(error as Error).message}; write a file that can be written`);
  }
  let problem: unknown;
  const tryToDraw = () => {
    try {
      draw();
      problem = undefined;
    } catch (error) {
      problem = error;
    }
  };
  const drawing = interval(REDRAW).pipe(tap(tryToDraw)).subscribe();
  return {
    addTransition: record.addTransition,
    close() {
      drawing.unsubscribe();
      record.close();
      tryToDraw();
      if (problem) console.error(`--svg: ${(problem as Error).message}`);
      return !problem;
    },
  };
}
