export { fileJournal } from './node/file-journal.js';
export { SaveError, type SaveErrorKind } from './node/save-error.js';
export {
  saveVideo,
  type SavedVideo,
  type SaveFailure,
  type SaveProgress,
  type SaveVideoOptions,
  type SavingVideo,
} from './node/save-video.js';
export type { VideoDraft, VideoOrigin, VideoSink } from './node/video-sink.js';
export { undiciTransport, type UndiciTransport, type UndiciTransportOptions } from './transport/undici.js';
