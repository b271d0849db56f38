export { provideVideoTasks, injectTracker, type TaskTracker } from './angular/provide-video-tasks.js';
export { injectTask } from './angular/inject-task.js';
export { taskResource, type TaskResource } from './angular/task-resource.js';
export type { InjectTaskOptions, TaskRefInput } from './angular/task-source.js';
export { httpClientTransport, type HttpClientTransportOptions } from './angular/http-client-transport.js';
