export { fileJournal } from './node/journal/file-journal.js';
export { SaveError, type SaveErrorKind } from './node/save/save-error.js';
export type { SaveVideoOptions } from './node/save/save-options.js';
export {
  saveVideo,
  type SavedVideo,
  type SaveFailure,
  type SaveProgress,
  type SavingVideo,
} from './node/save/save-video.js';
export type { VideoDraft, VideoOrigin, VideoSink } from './node/save/video-sink.js';
export { undiciTransport, type UndiciTransport, type UndiciTransportOptions } from './transport/undici.js';
