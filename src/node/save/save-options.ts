import { defer, fromEvent, lastValueFrom, takeUntil, type ObservableInput } from 'rxjs';
import type { Dispatcher } from 'undici';
import { LONGEST_DELAY } from '../../durations.js';
import { check, checkNumber, checkOptions } from '../../options.js';
import type { Provider } from '../../providers/provider.js';
import type { CompletedTask, Task, Video } from '../../task.js';
import type { TrackedTask } from '../../tracked-task.js';
import type { DownloadOptions } from './download.js';
import { fileSink, prepareDirectory } from './file-sink.js';
import { gatewayCredentials } from './gateway-key.js';
import type { VideoSink } from './video-sink.js';

/** Where to save videos, and how. */
export interface SaveVideoOptions {
  /**
   * Where the files go; made at subscription if there is none. File names are made of provider and id. Either this or
   * `sink`.
   * @default none
   */
  readonly directory?: string;
  /** A place of your own, such as an object store, instead of a directory. @default none */
  readonly sink?: VideoSink;
  /**
   * Called once for a fresh URL when that of the task has expired (HTTP 403, 404, 410): `tracker.query`.
   * @default none: an expired URL is an error
   */
  readonly query?: (task: CompletedTask) => ObservableInput<Task>;
  /**
   * Acknowledges what needs no further work: `tracker.ack`, where the tracker has a journal and tracks with
   * `{ ack: 'manual' }`. Called after `saved`, and after a task has been emitted that is failed, cancelled, or lost
   * because the service has deleted its record (`error.reason` is `expired`). Not called after `save-failed` and for a
   * task that is lost for another reason, such as a refused key: `resume` brings both back. The stream completes when
   * all acknowledgements have. One that errors does not end the stream: it becomes a process warning, and the task
   * comes again after a restart.
   * @default none
   */
  readonly ack?: (task: TrackedTask) => ObservableInput<unknown>;
  /**
   * The tracker's provider or providers: for videos that only the gateway itself serves, against the API key
   * (`video.requiresKey`). The key goes to the origin of the provider's base URL only, over https or on this machine.
   * @default none: such videos are refused
   */
  readonly provider?: Provider | readonly Provider[];
  /**
   * An undici 7 dispatcher that connects instead of this library, such as a ProxyAgent; you close it. It must not
   * follow redirects. Addresses in URLs and names that this machine can resolve are checked as without it; which
   * address the proxy connects to is the proxy's duty.
   * @default none: a connection for each video
   */
  readonly dispatcher?: Dispatcher;
  /** Videos that are downloaded at the same time. One that waits before its next attempt does not count. @default 4 */
  readonly concurrency?: number;
  /** The largest video, in bytes. @default 4_294_967_296 (4 GiB) */
  readonly maxBytes?: number;
  /** For the response headers to arrive, and then for each next byte, in ms. @default 30_000 */
  readonly timeout?: number;
  /**
   * A download that is slower, averaged over `timeout`, is cut and resumed in a further attempt: it would keep
   * others waiting. Waiting for the disk or the sink does not count. 0 allows any speed.
   * @default 10_000
   */
  readonly minBytesPerSecond?: number;
  /**
   * Further attempts. The n-th of them waits for `random * min(maxDelay, delay * 2 ** (n - 1))` ms, or for Retry-After
   * (at most 15 minutes) if that is longer.
   * @default { count: 8, delay: 1_000, maxDelay: 60_000 }
   */
  readonly retry?: {
    /** How many further attempts. @default 8 */
    readonly count?: number;
    /** The back-off's base, in ms. @default 1_000 */
    readonly delay?: number;
    /** The back-off's limit, in ms. @default 60_000 */
    readonly maxDelay?: number;
  };
  /** The shortest time between two `saving` events of one video, in ms. @default 500 */
  readonly progressInterval?: number;
  /**
   * Hosts (`name` or `name:port`) that may be on this machine or in a private network. All others must have public
   * addresses: else a made-up URL could have this process fetch from inside.
   * @default none
   */
  readonly allowHosts?: readonly string[];
  /** The User-Agent header of the downloads. @default 'rx-video-tasks' */
  readonly userAgent?: string;
}

export interface SavePlan {
  readonly concurrency: number;
  readonly progressInterval: number;
  readonly ack: SaveVideoOptions['ack'];
  /** Called at each subscription. @throws SaveError if nothing can be stored. */
  readonly prepare: () => void;
  readonly download: DownloadOptions;
}

const OPTIONS: readonly string[] = [
  ...(['directory', 'sink', 'query', 'ack', 'provider', 'dispatcher', 'concurrency', 'maxBytes', 'timeout'] as const),
  ...(['minBytesPerSecond', 'retry', 'progressInterval', 'allowHosts', 'userAgent'] as const),
] satisfies (keyof SaveVideoOptions)[];

/** Checks the options and fills in defaults. @throws TypeError or RangeError that names the option and the remedy. */
export function planOf(options: SaveVideoOptions): SavePlan {
  checkOptions('saveVideo', 'saveVideo({ directory: "./videos" })', options, OPTIONS);
  const { directory, sink, query, ack, provider = [], dispatcher, retry = {} } = options;
  const { concurrency = 4, progressInterval = 500, allowHosts = [], userAgent = 'rx-video-tasks' } = options;
  const { maxBytes = 4 * 1024 ** 3, timeout = 30_000, minBytesPerSecond = 10_000 } = options;
  checkOptions('retry', '{ count: 8 }', retry, ['count', 'delay', 'maxDelay']);
  const { count = 8, delay = 1_000, maxDelay = 60_000 } = retry;
  checkDestination(directory, sink);
  checkNumbers({ concurrency, timeout, maxBytes }, 1);
  checkNumbers({ progressInterval, minBytesPerSecond }, 0);
  checkNumbers({ 'retry.count': count, 'retry.delay': delay, 'retry.maxDelay': maxDelay }, 0);
  check('query', query, query === undefined || typeof query === 'function', 'tracker.query');
  check('ack', ack, ack === undefined || typeof ack === 'function', 'tracker.ack');
  const providers = [provider].flat();
  check('provider', provider, providers.every(isProvider), 'alad({ apiKey }), or an array of such');
  check('dispatcher', dispatcher, dispatcher === undefined || isDispatcher(dispatcher), 'one of undici 7');
  const hostRemedy = 'host names, for example ["127.0.0.1:8080"]';
  check('allowHosts', allowHosts, Array.isArray(allowHosts), hostRemedy);
  for (const host of allowHosts) check('allowHosts', host, isHost(host), hostRemedy);
  check('userAgent', userAgent, isHeader(userAgent), 'printable ASCII characters');
  return {
    concurrency,
    progressInterval,
    ack,
    prepare: () => {
      if (directory !== undefined) prepareDirectory(directory);
    },
    download: {
      sink: sink ?? fileSink(directory as string),
      refresh: (task, signal) => freshVideo(query, task, signal),
      credentials: (task, video, signal) => gatewayCredentials(task, video, providers, signal),
      ...{ allowHosts, maxBytes, timeout, minBytesPerSecond, userAgent, dispatcher },
      retry: { count, delay, maxDelay },
    },
  };
}

async function freshVideo(
  query: SaveVideoOptions['query'],
  task: CompletedTask,
  signal: AbortSignal,
): Promise<Video | undefined> {
  if (!query) return undefined;
  const answer$ = defer(() => query(task)).pipe(takeUntil(fromEvent(signal, 'abort')));
  const answer = await lastValueFrom(answer$, { defaultValue: undefined });
  if (answer?.status !== 'completed') throw new Error(`the task is ${answer?.status ?? 'without an answer'} now`);
  return answer.video;
}

function checkDestination(directory: unknown, sink: Partial<VideoSink> | undefined): void {
  if ((directory === undefined) === (sink === undefined)) {
    throw new TypeError('saveVideo: write { directory: "./videos" }, or { sink }, one of the two');
  }
  const isPath = typeof directory === 'string' && directory !== '';
  check('directory', directory, directory === undefined || isPath, 'a path, such as "./videos"');
  check('sink', sink, sink === undefined || typeof sink?.begin === 'function', 'an object with begin(task)');
}

function checkNumbers(numbers: Readonly<Record<string, number>>, least: number): void {
  for (const [name, value] of Object.entries(numbers)) {
    const most = name === 'maxBytes' ? Infinity : LONGEST_DELAY;
    checkNumber(name, value, value >= least && value <= most, `a number of at least ${least}`);
  }
}

function isProvider(value: Partial<Provider> | undefined): boolean {
  return typeof value?.apiKey === 'function' && typeof value.origin === 'string';
}

function isDispatcher(value: Partial<Dispatcher>): boolean {
  return typeof value?.dispatch === 'function';
}

function isHost(value: unknown): boolean {
  return typeof value === 'string' && !value.includes('/');
}

function isHeader(value: unknown): boolean {
  return typeof value === 'string' && /^[\x20-\x7e]+$/.test(value);
}
