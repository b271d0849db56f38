import { createHash, type Hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CompletedTask } from '../../task.js';
import { guardedGet } from './guarded-get.js';
import { Mp4Check } from './mp4.js';
import { SaveError } from './save-error.js';
import type { VideoDraft, VideoOrigin, VideoSink } from './video-sink.js';

export interface DownloadPlan {
  readonly sink: VideoSink;
  /** A fresh URL of the video, or nothing. */
  readonly refresh: (task: CompletedTask) => Promise<string | undefined>;
  readonly allowHosts: readonly string[];
  readonly maxBytes: number;
  readonly timeout: number;
  readonly retry: { readonly count: number; readonly delay: number; readonly maxDelay: number };
  readonly userAgent: string;
  readonly signal: AbortSignal;
  readonly onProgress: (bytes: number, total: number | undefined) => void;
}

export interface Downloaded {
  /** Where the sink has put it. */
  readonly path: string;
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
}

/** Another attempt may do better. */
class Setback extends Error {
  constructor(
    message: string,
    readonly waitMs = 0,
  ) {
    super(message);
  }
}

/** Brings one video into a sink, whole and checked, or fails with a SaveError. */
export async function download(task: CompletedTask, plan: DownloadPlan): Promise<Downloaded> {
  const draft = await inStorage(plan.sink.begin(task));
  let isBad = false;
  try {
    return await new Download(task, draft, plan).run();
  } catch (error) {
    isBad = error instanceof SaveError && (error.kind === 'not-a-video' || error.kind === 'too-large');
    throw error;
  } finally {
    await inStorage(isBad ? draft.discard() : draft.close());
  }
}

class Download {
  #bytes = 0;
  #hash: Hash = createHash('sha256');
  #check = new Mp4Check();
  #origin: VideoOrigin = {};

  constructor(
    private readonly task: CompletedTask,
    private readonly draft: VideoDraft,
    private readonly plan: DownloadPlan,
  ) {}

  async run(): Promise<Downloaded> {
    const { kept } = this.draft;
    if (kept) {
      this.#origin = kept.origin;
      for await (const chunk of kept.bytes) this.#count(chunk);
      if (kept.isFinished) return this.#finished();
    }
    this.#report();
    let { url } = this.task.video;
    let isFresh = false;
    const { count, delay, maxDelay } = this.plan.retry;
    for (let attempt = 0; ; attempt++) {
      try {
        const response = await this.#ask(url);
        if (response === 'expired') {
          const fresh = isFresh ? undefined : await this.plan.refresh(this.task);
          if (fresh === undefined) throw new SaveError('expired', `${this.#who}: the URL of the video has expired`);
          isFresh = true;
          url = fresh;
          continue;
        }
        if (response) await this.#take(response);
        return await this.#finished();
      } catch (error) {
        this.plan.signal.throwIfAborted();
        if (error instanceof SaveError) throw error;
        if (attempt >= count) {
          const why = (error as Error).message;
          throw new SaveError('network', `${this.#who}: ${attempt + 1} downloads were not complete: ${why}`, {
            cause: error,
          });
        }
        const backOff = Math.random() * Math.min(maxDelay, delay * 2 ** attempt);
        const told = error instanceof Setback ? error.waitMs : 0;
        await sleep(Math.max(backOff, told), undefined, { signal: this.plan.signal });
      }
    }
  }

  /** The rest of the video; nothing if all of it is here. */
  async #ask(url: string): Promise<IncomingMessage | 'expired' | undefined> {
    const { allowHosts, timeout, userAgent, signal } = this.plan;
    const { validator, total } = this.#origin;
    const isResuming = this.#bytes > 0 && validator !== undefined;
    const range = isResuming ? { range: `bytes=${this.#bytes}-`, 'if-range': validator } : {};
    const headers = { accept: 'video/mp4, video/*;q=0.9, */*;q=0.1', 'user-agent': userAgent, ...range };
    const response = await guardedGet(url, { headers, allowHosts, timeout, signal });
    const { statusCode: status = 0 } = response;
    try {
      if (status === 403 || status === 404 || status === 410) {
        response.destroy();
        return 'expired';
      }
      if (status === 416 && isResuming) {
        const size = Number(/^bytes \*\/(\d+)$/.exec(response.headers['content-range'] ?? '')?.[1]);
        response.destroy();
        if (size === this.#bytes && (total === undefined || total === size)) return undefined;
        await this.#restart({});
        throw new Setback('the server has another file than before');
      }
      if (status === 408 || status === 425 || status === 429 || status >= 500) {
        const seconds = Number(response.headers['retry-after']);
        throw new Setback(`HTTP ${status}`, Math.min(900_000, seconds > 0 ? seconds * 1000 : 0));
      }
      const encoding = response.headers['content-encoding'] ?? 'identity';
      if (encoding !== 'identity')
        throw new SaveError('not-a-video', `${this.#who}: what came is encoded (${encoding})`);
      if (status === 206 && isResuming) await this.#goOn(response);
      else if (status === 200) await this.#restart(originOf(response));
      else throw new SaveError('network', `${this.#who}: the server says HTTP ${status}`);
      this.#limit(this.#origin.total ?? 0);
      return response;
    } catch (error) {
      response.destroy();
      throw error;
    }
  }

  /** Whether these are the bytes that follow those that are here. */
  async #goOn(response: IncomingMessage): Promise<void> {
    const [, first, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers['content-range'] ?? '') ?? [];
    const told = originOf(response).validator;
    const isSame = told === this.#origin.validator && Number(first) === this.#bytes;
    if (!isSame || Number(total) !== (this.#origin.total ?? Number(total))) {
      await this.#restart({});
      throw new Setback('the server sent another part than was asked for');
    }
    this.#origin = { ...this.#origin, total: Number(total) };
  }

  async #take(response: IncomingMessage): Promise<void> {
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        await inStorage(this.draft.write(chunk));
        this.#count(chunk);
        this.#limit(this.#bytes);
        if (this.#check.flaw !== undefined) throw this.#notAVideo(this.#check.flaw);
        this.#report();
      }
    } finally {
      response.destroy();
    }
    const { total } = this.#origin;
    if (total !== undefined && this.#bytes < total) throw new Setback(`${this.#bytes} of ${total} bytes came`);
    // Where no length was told, only the video itself tells that it was cut.
    if (total === undefined && this.#check.incomplete !== undefined) throw new Setback(this.#check.incomplete);
  }

  async #restart(origin: VideoOrigin): Promise<void> {
    this.#bytes = 0;
    this.#hash = createHash('sha256');
    this.#check = new Mp4Check();
    this.#origin = origin;
    await inStorage(this.draft.restart(origin));
  }

  #count(chunk: Uint8Array): void {
    this.#bytes += chunk.byteLength;
    this.#hash.update(chunk);
    this.#check.add(chunk);
  }

  async #finished(): Promise<Downloaded> {
    const { incomplete } = this.#check;
    const { total = this.#bytes } = this.#origin;
    if (incomplete !== undefined || this.#bytes !== total) {
      const why = incomplete ?? `${this.#bytes} bytes came, ${total} were told`;
      if (this.draft.kept?.isFinished) {
        const told = 'there is a file of that name already, which is no whole video; move it away';
        throw new SaveError('storage', `${this.#who}: ${told} (${why})`);
      }
      throw this.#notAVideo(why);
    }
    return { path: await inStorage(this.draft.commit()), bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }

  #report(): void {
    this.plan.onProgress(this.#bytes, this.#origin.total);
  }

  #limit(bytes: number): void {
    if (bytes <= this.plan.maxBytes) return;
    throw new SaveError('too-large', `${this.#who}: the video is larger than maxBytes, ${this.plan.maxBytes}`);
  }

  #notAVideo(why: string): SaveError {
    return new SaveError('not-a-video', `${this.#who}: what came is no whole MP4: ${why}`);
  }

  get #who(): string {
    return `${this.task.provider} task ${this.task.id}`;
  }
}

function originOf({ headers, statusCode }: IncomingMessage): VideoOrigin {
  const { etag, 'last-modified': date, 'content-length': length } = headers;
  // A weak ETag does not tell bytes apart.
  const validator = etag === undefined ? date : etag.startsWith('"') ? etag : undefined;
  const total = statusCode === 200 && length !== undefined ? Number(length) : undefined;
  return { ...(validator === undefined ? {} : { validator }), ...(total === undefined ? {} : { total }) };
}

async function inStorage<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new SaveError('storage', (error as Error).message, { cause: error });
  }
}
