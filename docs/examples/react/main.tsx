// A board in React: the hook of ../use-task-react.ts, over the relay.
//
//   npm ci && npm run build && node docs/examples/react/start.mjs

import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { isSettled, relayTracker } from 'rx-video-tasks';
import { useTask } from '../use-task-react.js';

const tracker = relayTracker({ url: '/tasks' });

function Clip({ id }: { id: string }) {
  const task = useTask(tracker, id);
  const progress = task && 'progress' in task ? task.progress : undefined;
  return (
    <li id={id} data-status={task?.status}>
      <b>{id}</b>
      <span>{task?.status === 'failed' ? `failed: ${task.failure.message}` : (task?.status ?? 'loading')}</span>
      {!(task && isSettled(task)) && <progress max={100} value={progress} />}
      {task?.status === 'completed' && <video src={task.video.url} muted autoPlay />}
    </li>
  );
}

createRoot(document.body).render(
  <StrictMode>
    <h1>Video tasks in React</h1>
    <ul>
      {['clip-1', 'clip-2', 'clip-3', 'clip-4'].map((id) => (
        <Clip key={id} id={id} />
      ))}
    </ul>
  </StrictMode>,
);
