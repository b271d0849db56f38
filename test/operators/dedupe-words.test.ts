import { dedupeStatus, type TrackedTask } from 'rx-video-tasks';
import { queuedTask, unknownTask } from 'rx-video-tasks/testing';
import { test } from 'vitest';
import { marbles } from '../marbles.js';

test(
  'another word of the service for the same status is no news, unless nobody knows what it means',
  marbles((m) => {
    const values = {
      a: queuedTask({ rawStatus: 'SUBMITTED' }),
      b: queuedTask({ rawStatus: 'QUEUED' }),
      c: unknownTask({ rawStatus: 'reviewing' }),
      d: unknownTask({ rawStatus: 'upscaling' }),
    };
    const source = m.hot<TrackedTask>('    a-b-a-c-d-c|', values);
    m.expect(source.pipe(dedupeStatus())).toBeObservable('a-----c-d-c|', values);
  }),
);
