import { assignDefined } from '../fields.js';
import { check, checkFunction, checkLimit, checkOptions, show } from '../options.js';
import type { RelayStreamsOptions } from './relay-streams.js';

/** Request headers by name. */
export type RelayHeaders = Readonly<Record<string, string>>;

/** Where the relay is, and how a tracker connects to it. */
export interface RelayTrackerOptions {
  /** Where the relay is: in a page also a relative URL, such as `/tasks`. */
  readonly url: string;
  /** Request headers; a function is called before each connection, so that a token can be renewed. @default none */
  readonly headers?: RelayHeaders | (() => RelayHeaders | PromiseLike<RelayHeaders>);
  /** Whether cookies are sent, as in `fetch`. @default 'same-origin' */
  readonly credentials?: 'omit' | 'same-origin' | 'include';
  /**
   * ms that a page may be hidden before its connections are closed. They are opened again when it is shown.
   * @default 60_000
   */
  readonly hiddenAfter?: number;
  /** ms without a byte after which a connection counts as dead: three of the relay's heartbeats. @default 45_000 */
  readonly silence?: number;
  /** The relay's option of the same name, where it is raised there: how many ids a stream may have. @default 200 */
  readonly idsPerStream?: number;
  /** The relay's option of the same name, where it is raised there: how many streams to open. @default 6 */
  readonly streamsPerSubject?: number;
  /** Another `fetch`, for instance in tests. @default globalThis.fetch, looked up at each connection */
  readonly fetch?: typeof globalThis.fetch;
  /** Returns 0..1: spreads the waits of many clients. @default Math.random */
  readonly random?: () => number;
}

/** @throws TypeError or RangeError for options that are missing, unknown or not usable */
export function checkRelayTrackerOptions(options: RelayTrackerOptions): RelayStreamsOptions {
  checkOptions('relayTracker', "relayTracker({ url: '/tasks' })", options, Object.keys(DEFAULTS));
  const { headers, ...rest } = assignDefined({ ...DEFAULTS, random: Math.random }, options) as typeof DEFAULTS;
  const { url, credentials, fetch, random } = rest;
  const page = (globalThis.document as Document | undefined)?.baseURI;
  const { protocol = '', username = '' } = URL.canParse(url, page) ? new URL(url, page) : {};
  // `fetch` refuses a URL with credentials, with a message that holds them.
  if (!/^https?:$/.test(protocol) || username) {
    const shown = username ? 'a URL with credentials' : show(options.url);
    throw new TypeError(`url: ${shown} is not usable; write an http(s) URL, such as 'https://app.example.com/tasks'`);
  }
  check('headers', headers, Object(headers) === headers, 'an object, or a function that returns one');
  check('credentials', credentials, CREDENTIALS.includes(credentials), CREDENTIALS.join(', '));
  checkFunction('random', random);
  if (fetch !== undefined) checkFunction('fetch', fetch);
  for (const name of ['hiddenAfter', 'silence', 'idsPerStream', 'streamsPerSubject'] as const) {
    checkLimit(name, rest[name]);
  }
  return {
    ...rest,
    shownUrl: url.replace(/[?#].*/s, ''),
    headers: typeof headers === 'function' ? headers : () => headers,
  };
}

const CREDENTIALS: readonly string[] = [
  'omit',
  'same-origin',
  'include',
] satisfies Required<RelayTrackerOptions>['credentials'][];

const DEFAULTS: Required<Omit<RelayTrackerOptions, 'fetch'>> & Pick<RelayTrackerOptions, 'fetch'> = {
  url: '',
  headers: {},
  credentials: 'same-origin',
  hiddenAfter: 60_000,
  silence: 45_000,
  idsPerStream: 200,
  streamsPerSubject: 6,
  fetch: undefined as never,
  random: Math.random,
};
