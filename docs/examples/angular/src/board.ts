import { ChangeDetectionStrategy, Component, signal } from '@angular/core';
import { Clip } from './clip';

@Component({
  selector: 'app-board',
  changeDetection: ChangeDetectionStrategy.OnPush,
  imports: [Clip],
  template: `
    <h1>Video tasks</h1>
    <button type="button" (click)="isOpen.set(!isOpen())">{{ isOpen() ? 'Stop watching' : 'Watch' }}</button>
    @if (isOpen()) {
      <ul>
        @for (id of ids; track id) {
          <li [clip]="id"></li>
        }
      </ul>
    }
  `,
})
export class Board {
  readonly ids = ['clip-1', 'clip-2', 'clip-3', 'clip-4'];
  readonly isOpen = signal(true);
}
