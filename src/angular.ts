export { provideVideoTasks, injectTracker, type TaskTracker } from './angular/provide-video-tasks.js';
export { injectTask, type InjectTaskOptions } from './angular/inject-task.js';
export { httpClientTransport, type HttpClientTransportOptions } from './angular/http-client-transport.js';
