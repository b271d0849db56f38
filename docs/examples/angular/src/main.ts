import { provideZonelessChangeDetection } from '@angular/core';
import { bootstrapApplication } from '@angular/platform-browser';
import { relayTracker } from 'rx-video-tasks';
import { provideVideoTasks } from 'rx-video-tasks/angular';
import { Board } from './board';

bootstrapApplication(Board, {
  // The default from Angular 21 on.
  providers: [provideZonelessChangeDetection(), provideVideoTasks(() => relayTracker({ url: '/tasks' }))],
}).catch((error: unknown) => {
  console.error(error);
});
