import { check, checkLimit, checkOptions } from '../options.js';
import type { TaskRef } from '../query.js';
import type { Tracker } from '../tracker/index.js';
import { checkCors, type RelayCors } from './cors.js';
import type { RelayVideoUrl } from './relayed-task.js';

/** Which tasks the application grants to a request. */
export interface RelayGrant {
  /** Who sent the request, for the limit on streams: the id of a user, or of a session. */
  readonly subject: string;
  /** The task of each public id, in the order of the ids; `undefined` for one that does not exist or is not theirs. */
  readonly refs: readonly (TaskRef | undefined)[];
}

/**
 * Decides which tasks a request may watch, by the application's own records; `undefined` refuses it. It is the only
 * source of refs: nothing that a client sends becomes an id, a model or a URL at a service.
 *
 * It is called again, with the same request, as long as the stream is open: check that the session is still valid.
 * If it throws or rejects, the client gets a 503 and tries again.
 */
export type RelayAuthorize = (
  request: Request,
  publicIds: readonly string[],
) => RelayGrant | undefined | PromiseLike<RelayGrant | undefined>;

/** What a relay relays, and to whom. */
export interface RelayOptions {
  /** What `createTracker` returns. Closing it ends every stream; a later request is answered 503. */
  readonly tracker: Pick<Tracker, 'track'>;
  /** Decides which tasks a request may watch. */
  readonly authorize: RelayAuthorize;
  /**
   * Which URL a client gets for a completed task: `true` for the service's own, or what a function returns. A URL that
   * requires the provider's API key (`video.requiresKey`) is never sent.
   * @default false: none
   */
  readonly videoUrl?: RelayVideoUrl;
  /** Which pages of other origins may read. @default none */
  readonly cors?: RelayCors;
  /** ms between two comments, which keep a proxy from closing an idle connection. @default 15_000 */
  readonly heartbeat?: number;
  /** ms after which `authorize` is called again for an open stream. @default 300_000 */
  readonly reauthorizeAfter?: number;
  /** How many streams a subject may have open. One more is answered 429. @default 6 */
  readonly streamsPerSubject?: number;
  /** How many ids a stream may have. One more is answered 400. @default 200 */
  readonly idsPerStream?: number;
  /** How many streams may be open in all. One more is answered 503. @default 5_000 */
  readonly streams?: number;
}

export type CheckedRelayOptions = Required<Omit<RelayOptions, 'cors'>> & Pick<RelayOptions, 'cors'>;

/** @throws TypeError or RangeError for options that cannot be meant */
export function checkRelayOptions(options: RelayOptions): CheckedRelayOptions {
  checkOptions('relayHandler', 'relayHandler({ tracker, authorize })', options, Object.keys(NAMES));
  const { tracker, authorize, cors, videoUrl = false } = options;
  check('tracker', tracker, typeof tracker?.track === 'function', 'what createTracker returns');
  const grantRemedy = 'a function of (request, publicIds) that returns { subject, refs }, or undefined';
  check('authorize', authorize, typeof authorize === 'function', grantRemedy);
  const urlRemedy = 'true, false, or a function of (task, publicId) that returns a URL';
  check('videoUrl', videoUrl, ['boolean', 'function'].includes(typeof videoUrl), urlRemedy);
  if (cors !== undefined) checkCors(cors);
  const { heartbeat = 15_000, reauthorizeAfter = 300_000 } = options;
  const { streamsPerSubject = 6, idsPerStream = 200, streams = 5_000 } = options;
  const numbers = { heartbeat, reauthorizeAfter, streamsPerSubject, idsPerStream, streams };
  for (const [name, value] of Object.entries(numbers)) {
    checkLimit(name, value);
  }
  return { tracker, authorize, videoUrl, ...(cors ? { cors } : {}), ...numbers };
}

const NAMES = {
  tracker: true,
  authorize: true,
  videoUrl: true,
  cors: true,
  heartbeat: true,
  reauthorizeAfter: true,
  streamsPerSubject: true,
  idsPerStream: true,
  streams: true,
} satisfies Record<keyof RelayOptions, true>;
