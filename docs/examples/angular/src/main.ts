import { bootstrapApplication } from '@angular/platform-browser';
import { relayTracker } from 'rx-video-tasks';
import { provideVideoTasks } from 'rx-video-tasks/angular';
import { Board } from './board';

bootstrapApplication(Board, { providers: [provideVideoTasks(() => relayTracker({ url: '/tasks' }))] }).catch(
  (error: unknown) => {
    console.error(error);
  },
);
