import { ChangeDetectionStrategy, Component, computed, input } from '@angular/core';
import { isSettled } from 'rx-video-tasks';
import { injectTask } from 'rx-video-tasks/angular';

/** One task: its state, a bar while it runs, then its video. */
@Component({
  selector: '[clip]',
  changeDetection: ChangeDetectionStrategy.OnPush,
  host: { '[id]': 'clip()', '[attr.data-status]': 'task()?.status' },
  template: `
    <b>{{ clip() }}</b>
    @if (task(); as task) {
      <span>{{ task.status }}{{ task.status === 'failed' ? ': ' + task.failure.message : '' }}</span>
      @if (task.status === 'completed') {
        <video [src]="task.video.url" [muted]="true" autoplay></video>
      }
    }
    @if (isRunning()) {
      <progress max="100" [value]="progress()"></progress>
    }
  `,
})
export class Clip {
  readonly clip = input.required<string>();
  readonly task = injectTask(this.clip);
  readonly isRunning = computed(() => {
    const task = this.task();
    return !task || !isSettled(task);
  });
  readonly progress = computed(() => {
    const task = this.task();
    return task && task.status !== 'lost' ? (task.progress ?? 0) : 0;
  });
}
