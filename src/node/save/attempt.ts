import { createHash, type Hash } from 'node:crypto';
import { messageOf, withoutQueries } from '../../redact.js';
import type { CompletedTask, Video } from '../../task.js';
import { retryAfterOf } from '../../transport/index.js';
import { withMinSpeed } from './min-speed.js';
import { Mp4Check } from './mp4-check.js';
import { RetryableError } from './retryable-error.js';
import { SaveError } from './save-error.js';
import { requestVideo, type Credentials, type RequestPolicy, type VideoResponse } from './video-request.js';
import type { VideoDraft, VideoOrigin, VideoSink } from './video-sink.js';

export interface AttemptOptions extends RequestPolicy {
  readonly sink: VideoSink;
  readonly maxBytes: number;
  readonly minBytesPerSecond: number;
  readonly userAgent: string;
  readonly credentials: (task: CompletedTask, video: Video, signal: AbortSignal) => Promise<Credentials | undefined>;
}

/** What saves one video: the stream of its events. */
export interface Job {
  readonly task: CompletedTask;
  readonly signal: AbortSignal;
  readonly onProgress: (bytes: number, total: number | undefined) => void;
}

export interface Downloaded {
  /** Where the sink has put the video. */
  readonly path: string;
  /** The size of the video. */
  readonly bytes: number;
  /** The SHA-256 of the video, in hex. */
  readonly sha256: string;
}

/**
 * The URL answered 403, 404 or 410: storage services do so once a presigned URL has expired, or the object with it
 * (https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html).
 */
export class UrlExpired extends Error {}

/**
 * Saves one video in one request: the rest of what the sink has of it, if the server can prove that the bytes belong
 * together, else the whole. Ends in a SaveError, in UrlExpired, or in another error if a further attempt makes sense.
 */
export async function attemptDownload(job: Job, video: Video, options: AttemptOptions): Promise<Downloaded> {
  const draft = await inStorage(() => options.sink.begin(job.task, { signal: job.signal }));
  let isUseless = false;
  try {
    return await new Attempt(job, draft, options).run(video);
  } catch (error) {
    isUseless = error instanceof SaveError && (error.kind === 'not-a-video' || error.kind === 'too-large');
    throw error;
  } finally {
    await inStorage(() => (isUseless ? draft.discard() : draft.close()));
  }
}

class Attempt {
  readonly #job: Job;
  readonly #draft: VideoDraft;
  readonly #options: AttemptOptions;
  #bytes = 0;
  #hash: Hash = createHash('sha256');
  #check = new Mp4Check();
  #origin: VideoOrigin = {};

  constructor(job: Job, draft: VideoDraft, options: AttemptOptions) {
    this.#job = job;
    this.#draft = draft;
    this.#options = options;
  }

  async run(video: Video): Promise<Downloaded> {
    await this.#readKept();
    if (this.#draft.kept?.isFinished) return this.#finish();
    this.#report();
    const response = await this.#request(video);
    if (response) await this.#receive(response);
    return this.#finish();
  }

  async #readKept(): Promise<void> {
    const { kept } = this.#draft;
    // Without a validator no server can continue it.
    if (!kept || (!kept.isFinished && kept.origin.validator === undefined)) return;
    this.#origin = kept.origin;
    await inStorage(async () => {
      for await (const chunk of kept.bytes) {
        this.#job.signal.throwIfAborted();
        this.#count(chunk);
      }
    });
  }

  /** Asks for the video, or the rest of it; gives nothing if no byte is missing. */
  async #request(video: Video): Promise<VideoResponse | undefined> {
    const { task, signal } = this.#job;
    signal.throwIfAborted();
    const { userAgent, credentials } = this.#options;
    const { validator } = this.#origin;
    const isResuming = this.#bytes > 0 && validator !== undefined;
    const range = isResuming ? { range: `bytes=${this.#bytes}-`, 'if-range': validator } : {};
    const response = await requestVideo(
      {
        url: video.url,
        headers: { accept: 'video/mp4, video/*;q=0.9, */*;q=0.1', 'user-agent': userAgent, ...range },
        credentials: await credentials(task, video, signal),
        signal,
      },
      this.#options,
    );
    try {
      if (isResuming && response.status === 416) {
        await this.#checkNothingIsMissing(response);
        response.body.destroy();
        return undefined;
      }
      this.#checkStatus(response, video);
      if (isResuming && response.status === 206) await this.#checkRange(response);
      else if (response.status === 200) await this.#restart(originOf(response));
      else throw this.#error('network', `${new URL(video.url).host} answered HTTP ${response.status}`);
      this.#checkSize(this.#origin.total ?? 0);
      return response;
    } catch (error) {
      response.body.destroy();
      throw error;
    }
  }

  #checkStatus({ status, headers }: VideoResponse, { requiresKey }: Video): void {
    if (status === 403 || status === 404 || status === 410) throw new UrlExpired();
    if (status === 401 && requiresKey === true) {
      throw this.#error('refused', 'the gateway refused the API key (HTTP 401); check the key of its provider');
    }
    if (status === 408 || status === 425 || status === 429 || status >= 500) {
      throw new RetryableError(`the server answered HTTP ${status}`, retryAfterOf(headers, Date.now()));
    }
    const { 'content-encoding': encoding = 'identity' } = headers;
    if (encoding !== 'identity') throw this.#error('not-a-video', `the reply is encoded (${encoding.slice(0, 20)})`);
  }

  /** 416: the range begins behind the last byte of the video, or the server has another one by now. */
  async #checkNothingIsMissing({ headers }: VideoResponse): Promise<void> {
    const size = Number(/^bytes \*\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1]);
    const { total = size } = this.#origin;
    if (size === this.#bytes && size === total) return;
    await this.#restart({});
    throw new RetryableError('the server has another file than before');
  }

  /** 206: checks that these are the bytes which follow those that are here. */
  async #checkRange(response: VideoResponse): Promise<void> {
    const [, first, size] = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers['content-range'] ?? '') ?? [];
    const { validator, total = Number(size) } = this.#origin;
    const isSameFile = originOf(response).validator === validator && Number(size) === total;
    if (!isSameFile || Number(first) !== this.#bytes) {
      await this.#restart({});
      throw new RetryableError('the server sent another part of the file than was asked for');
    }
    this.#origin = { ...this.#origin, total };
  }

  async #receive({ body }: VideoResponse): Promise<void> {
    try {
      for await (const chunk of withMinSpeed(body, this.#options)) {
        await inStorage(() => this.#draft.write(chunk));
        this.#count(chunk);
        this.#checkSize(this.#bytes);
        if (this.#check.flaw !== undefined) throw this.#notAVideo(this.#check.flaw);
        this.#report();
      }
    } finally {
      body.destroy();
    }
    const { total } = this.#origin;
    if (total !== undefined && this.#bytes < total)
      throw new RetryableError(`${this.#bytes} of ${total} bytes arrived`);
    // Without a Content-Length only the video itself shows that it was cut.
    if (total === undefined && this.#check.incomplete !== undefined) throw new RetryableError(this.#check.incomplete);
  }

  async #restart(origin: VideoOrigin): Promise<void> {
    this.#bytes = 0;
    this.#hash = createHash('sha256');
    this.#check = new Mp4Check();
    this.#origin = origin;
    await inStorage(() => this.#draft.restart(origin));
  }

  #count(chunk: Uint8Array): void {
    this.#bytes += chunk.byteLength;
    this.#hash.update(chunk);
    this.#check.add(chunk);
  }

  async #finish(): Promise<Downloaded> {
    const { incomplete } = this.#check;
    const { total = this.#bytes } = this.#origin;
    if (incomplete !== undefined || this.#bytes !== total) {
      const why = incomplete ?? `${this.#bytes} bytes arrived, ${total} were announced`;
      if (!this.#draft.kept?.isFinished) throw this.#notAVideo(why);
      throw this.#error('storage', `a file with the name of this video is no complete MP4 (${why}); move it away`);
    }
    const path = await inStorage(() => this.#draft.commit());
    return { path, bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }

  #report(): void {
    this.#job.onProgress(this.#bytes, this.#origin.total);
  }

  #checkSize(bytes: number): void {
    const { maxBytes } = this.#options;
    if (bytes > maxBytes) throw this.#error('too-large', `the video is larger than maxBytes (${maxBytes})`);
  }

  #notAVideo(why: string): SaveError {
    return this.#error('not-a-video', `the reply is no complete MP4: ${why}`);
  }

  #error(kind: SaveError['kind'], what: string): SaveError {
    const { provider, id } = this.#job.task;
    return new SaveError(kind, `${provider} task ${id}: ${what}`);
  }
}

function originOf({ headers, status }: VideoResponse): VideoOrigin {
  const { etag, 'last-modified': date, 'content-length': length } = headers;
  // A weak ETag does not promise equal bytes (RFC 9110 section 8.8.1).
  const validator = etag === undefined ? date : etag.startsWith('"') ? etag : undefined;
  const total = status === 200 && length !== undefined ? Number(length) : undefined;
  return { ...(validator === undefined ? {} : { validator }), ...(total === undefined ? {} : { total }) };
}

/** What a sink throws, now or later, is a SaveError of kind `storage`. */
async function inStorage<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new SaveError('storage', withoutQueries(messageOf(error)), { cause: error });
  }
}
