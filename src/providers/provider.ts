import type { ObservableInput } from 'rxjs';
import { DAY } from '../durations.js';
import { check, checkFlag, checkOptions, show } from '../options.js';
import type { Wire } from '../wire/index.js';
import { DEFAULT_FLOOR, type PollWindows } from '../windows.js';

/**
 * A key, or a function that gives the current one (asked at each query, and once more when a key is refused);
 * `null` where another hop, such as your own proxy, adds the key: then no Authorization header is sent.
 */
export type ApiKey = string | (() => string | ObservableInput<string>) | null;

/** An account at a service. */
export interface ProviderOptions {
  /** The API key, a function that returns it, or `null` where another hop adds it. */
  readonly apiKey: ApiKey;
  /**
   * Where the service answers: https, or http on a loopback address. With `apiKey: null` also a path such as
   * `/video-api`.
   * @default the base URL of the service's document
   */
  readonly baseUrl?: string | undefined;
  /** What `Task.provider` carries. Tells two accounts of one service apart. @default the service's name */
  readonly name?: string;
  /** Take an http base URL on a host that is not loopback: the key then travels unencrypted. @default false */
  readonly allowInsecure?: boolean;
}

/** A service's document, as data. */
export interface ProviderDefinition {
  /** The name of the service: what `Task.provider` carries unless an account has a `name` of its own. */
  readonly name: string;
  /** The documented base URL. */
  readonly baseUrl: string;
  /**
   * Other hosts of the public service, such as regional ones: like that of `baseUrl`, they are never polled faster than
   * real.
   * @default none
   */
  readonly otherHosts?: readonly string[];
  /** How to ask, and how to read the answer. */
  readonly wire: Wire;
  /** How often to ask, by model. */
  readonly windows: PollWindows;
  /** Never ask about one task sooner than this after the last ask, in ms. @default 10_000 */
  readonly minInterval?: number;
  /** How long a video stays downloadable after its generation, in ms. @default 24 h */
  readonly retention?: number;
  /**
   * The headers that authenticate a request, for a service that does not take a bearer token. Called for each request
   * with the current key, never with `apiKey: null`. What it returns is kept out of errors as the key is.
   * @default (apiKey) => ({ authorization: `Bearer ${apiKey}` })
   */
  readonly headers?: (apiKey: string) => Readonly<Record<string, string>>;
}

/** One account at one service. The key is held in a closure: inspecting or serializing a provider does not show it. */
export interface Provider extends Required<Omit<ProviderDefinition, 'otherHosts'>> {
  /** Whether this is the public service rather than a stand-in for it, such as the sandbox. */
  readonly isPublicService: boolean;
  /** Of `baseUrl`; empty where that is relative. Providers of one origin and key share one request budget. */
  readonly origin: string;
  /** Whether `baseUrl` is on this machine. */
  readonly isLoopback: boolean;
  /** The key as it was given. */
  readonly apiKey: () => ApiKey;
}

const publicHosts = /* @__PURE__ */ new Set<string>();

/**
 * Defines a service of your own, on one of the wires or with a wire of its own. Returns the function that makes its
 * providers.
 *
 * @throws TypeError at call time for a definition that is incomplete, and for unknown fields; RangeError for a
 * `minInterval` or `retention` that is no duration in ms.
 *
 * @example
 * const acme = defineProvider({
 *   name: 'acme',
 *   baseUrl: 'https://api.acme.example',
 *   wire: resultWire,
 *   windows: resultWindows,
 * });
 * const tracker = createTracker({ provider: acme({ apiKey: process.env.ACME_API_KEY ?? '' }) });
 */
export function defineProvider(definition: ProviderDefinition): (options: ProviderOptions) => Provider {
  checkDefinition(definition);
  const { otherHosts = [], ...service } = definition;
  for (const host of [new URL(definition.baseUrl).hostname, ...otherHosts]) publicHosts.add(bareHost(host));
  return (options) => {
    checkOptions(service.name, `${service.name}({ apiKey })`, options, OPTIONS);
    const { apiKey, name = service.name, baseUrl = service.baseUrl, allowInsecure = false } = options;
    const isName = typeof name === 'string' && /^[\w.-]{1,64}$/.test(name);
    check('name', name, isName, '1 to 64 letters, digits, ".", "_" or "-"');
    checkFlag('allowInsecure', allowInsecure);
    const isKeyless = apiKey === null;
    const flaw = isKeyless || typeof apiKey === 'function' ? undefined : flawOfKey(apiKey);
    if (flaw) {
      throw new TypeError(
        `apiKey of ${name} ${flaw}; write ${service.name}({ apiKey: "..." }), or apiKey: null behind a proxy that adds it`,
      );
    }
    const base = checkBaseUrl(baseUrl, name, isKeyless, allowInsecure);
    return {
      minInterval: DEFAULT_FLOOR,
      retention: DAY,
      headers: bearer,
      ...service,
      name,
      baseUrl: base.href.replace(/\/+$/, ''),
      origin: base.origin,
      // A definition may have a loopback URL for its own: that is a stand-in all the same.
      isPublicService: !isLoopback(base.hostname) && publicHosts.has(bareHost(base.hostname)),
      isLoopback: isLoopback(base.hostname),
      apiKey: () => apiKey,
    };
  };
}

function bearer(apiKey: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${apiKey}` };
}

/** A host with a trailing dot is the same host (RFC 1034 section 3.1: an absolute domain name). */
function bareHost(host: string): string {
  return host.replace(/\.$/, '');
}

const OPTIONS = ['apiKey', 'baseUrl', 'name', 'allowInsecure'] satisfies (keyof ProviderOptions)[];

const isMs = (value: unknown) => Number.isFinite(value) && (value as number) >= 0;

/** By field: whether a value can be meant, and an example. */
const FIELDS: Readonly<
  Record<keyof ProviderDefinition, readonly [isValid: (value: never) => boolean, example: string]>
> = {
  name: [(value) => typeof value === 'string', "'acme'"],
  baseUrl: [(value) => URL.canParse(value), "'https://api.acme.example'"],
  wire: [
    (value: Partial<Wire> | undefined) => [value?.path, value?.read].every((one) => typeof one === 'function'),
    'resultWire, generationsWire or a wire of your own',
  ],
  windows: [(value) => Object(value) === value && !Array.isArray(value), "{ '*': { min: 30_000, max: 60_000 } }"],
  otherHosts: [Array.isArray, "['eu.acme.example']"],
  minInterval: [isMs, '10_000'],
  retention: [isMs, '86_400_000'],
  headers: [(value) => typeof value === 'function', "(apiKey) => ({ 'x-api-key': apiKey })"],
};
const REQUIRED: readonly string[] = ['name', 'baseUrl', 'wire', 'windows'];

/** @throws RangeError for a number that is not valid, TypeError for anything else. */
function checkDefinition(definition: ProviderDefinition): void {
  checkOptions('defineProvider', 'defineProvider({ name, baseUrl, wire, windows })', definition, Object.keys(FIELDS));
  for (const [field, [isValid, example]] of Object.entries(FIELDS)) {
    const value = definition[field as keyof ProviderDefinition] as never;
    if (isValid(value) || (value === undefined && !REQUIRED.includes(field))) continue;
    const isNumber = typeof value === 'number';
    const shown = typeof value === 'string' ? showUrl(value) : isNumber ? String(value) : typeof value;
    throw new (isNumber ? RangeError : TypeError)(
      `defineProvider: ${field} is ${shown}; write for example ${field}: ${example}`,
    );
  }
}

/** What keeps a key from standing in an Authorization header, if anything does. Never contains the key. */
export function flawOfKey(key: unknown): string | undefined {
  if (typeof key !== 'string' || key.trim() === '') return 'is missing or no text';
  return /^[\x21-\x7e]+$/.test(key) ? undefined : 'holds white space or characters that no header can carry';
}

function checkBaseUrl(
  baseUrl: unknown,
  name: string,
  isKeyless: boolean,
  allowInsecure: boolean,
): { href: string; hostname: string; origin: string } {
  const text = String(baseUrl);
  const isPath = /^\/[^/\\\s?#][^\s?#]*$|^\/$/.test(text);
  const url = URL.canParse(text) && !/[?#]/.test(text) && new URL(text);
  let flaw = 'is not an http(s) URL without user, query and fragment';
  let remedy = 'for example "https://api.example.com/prefix"';
  if (isPath) {
    if (isKeyless) return { href: text, hostname: '', origin: '' };
    flaw = 'has no host';
    remedy = 'apiKey: null where your own proxy adds the key, else an https URL';
  } else if (url && /^https?:$/.test(url.protocol) && url.username + url.password === '') {
    if (url.protocol === 'https:' || isLoopback(url.hostname) || allowInsecure) return url;
    flaw = 'would send the key unencrypted';
    remedy = 'an https URL, or allowInsecure: true';
  }
  throw new TypeError(`baseUrl of ${name}: ${showUrl(baseUrl)} ${flaw}; write ${remedy}`);
}

function isLoopback(hostname: string): boolean {
  return /^(.+\.)?localhost\.?$|^\[::1\]$|^127(\.\d+){3}$/.test(hostname);
}

/** A wrong value for a message, without what may be secret in a URL. */
function showUrl(value: unknown): string {
  const text = String(value).replace(/\/\/.*@/s, '//…@');
  return show(text.replace(/[?#].*$/s, '?…'));
}
