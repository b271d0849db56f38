export { scriptedQuery, type ScriptedQuery, type ScriptedQueryOptions } from './testing/scripted-query.js';
export { scriptedTransport, type ScriptedTransport } from './testing/scripted-transport.js';
export type { Script, ScriptEvent, ScriptOptions, ScriptStep } from './testing/script.js';
export {
  cancelledTask,
  completedTask,
  failedTask,
  lostTask,
  processingTask,
  queuedTask,
  unknownTask,
  type ScriptTask,
} from './testing/tasks.js';
export { marbleTasks, type MarbleTasks, type MarbleTasksFields } from './testing/marble-tasks.js';
export { errorReply, generationsReply, resultReply } from './testing/replies.js';
