import type { Board, Miss, TrackedTask } from 'rx-video-tasks';
import type { SaveProgress } from 'rx-video-tasks/node';

/** `alad asyntask_x processing 50 %`, and what is worth knowing at the end: the video's URL, or why there is none. */
export function describeTask(task: TrackedTask): string {
  return plain([task.provider, task.id, describeState(task)].join(' '));
}

/** `alad asyntask_x saved ./videos/alad-asyntask_x-1f0c2a9b.mp4` */
export function describeSave(save: SaveProgress): string {
  return plain([save.provider, save.id, describeSaving(save)].join(' '));
}

/** How saving goes on, without the name of the task. */
export function describeSaving(save: SaveProgress): string {
  if (save.status === 'saved') return `saved ${save.path}`;
  if (save.status === 'save-failed') return `not saved: ${save.error.message}`;
  return `saving ${(save.bytes / 1e6).toFixed(1)} MB`;
}

/** The state of a task, without its name. */
export function describeState(task: TrackedTask): string {
  switch (task.status) {
    case 'completed':
      return `completed ${task.video.url}`;
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

/** `alad asyntask_x missed a poll (server: ...), asks again in 0:12` */
export function describeMiss({ provider, id, error, nextPollIn }: Miss): string {
  return plain(`${provider} ${id} missed a poll (${error.kind}: ${error.message}), asks again in ${clock(nextPollIn)}`);
}

/** `12 tasks: 7 completed, 1 failed, 4 running, 0:42` */
export function describeBoard({ counts, tasks }: Board, total: number, elapsedMs: number): string {
  const { completed, failed, cancelled, lost } = counts;
  const running = total - tasks.length + counts.queued + counts.processing + counts.unknown;
  const parts = Object.entries({ completed, failed, cancelled, lost, running }).filter(([, count]) => count > 0);
  const said = parts.map(([what, count]) => `${count} ${what}`);
  return `${total} ${total === 1 ? 'task' : 'tasks'}: ${[...said, clock(elapsedMs)].join(', ')}`;
}

/** `0:07`, `12:34`, `1:02:03` */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const tail = `${minutes}:${String(seconds % 60).padStart(2, '0')}`;
  return hours > 0 ? `${hours}:${tail.padStart(5, '0')}` : tail;
}

/** Text from outside in one line: what it holds must not steer a terminal, nor end the line. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ');
}

function percent(progress: number | undefined): string {
  return progress === undefined ? '' : ` ${Math.round(progress)} %`;
}
