import { lookup as lookupName, type LookupAddress } from 'node:dns';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import { request as undiciRequest, type Dispatcher } from 'undici';
import { isPublicAddress } from './address.js';
import { RetryableError } from './retryable-error.js';
import { SaveError } from './save-error.js';

export interface VideoRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly credentials?: Credentials | undefined;
  readonly signal: AbortSignal;
}

/** Headers that only the origin may see which the user has configured: it is trusted wherever its address is. */
export interface Credentials {
  readonly origin: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface RequestPolicy {
  /** Hosts (`name` or `name:port`) that may be connected to wherever they are. */
  readonly allowHosts: readonly string[];
  /** For the response headers to arrive, redirects included, in ms. */
  readonly timeout: number;
  readonly dispatcher?: Dispatcher | undefined;
}

export interface VideoResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** As it was sent: not decoded. */
  readonly body: Readable;
}

interface Hop {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** @throws SaveError for an address that may not be connected to. */
  readonly checkAddress: (address: string) => void;
  readonly signal: AbortSignal;
}

const MAX_REDIRECTS = 5;
const REDIRECTS = [301, 302, 303, 307, 308];

/**
 * Sends one GET and follows its redirects, never from https to http. At every hop the very address that is connected to
 * must be public, or the host allowed; behind a dispatcher, what this machine can see of it. Sends the given headers
 * and no others but Host and Connection. Credentials go no further than the first redirect to another origin.
 */
export async function requestVideo(request: VideoRequest, policy: RequestPolicy): Promise<VideoResponse> {
  const { signal } = request;
  signal.throwIfAborted();
  const abort = new AbortController();
  const onAbort = () => {
    abort.abort(signal.reason);
  };
  const timer = setTimeout(() => {
    abort.abort(new RetryableError(`no response headers arrived within ${policy.timeout} ms`));
  }, policy.timeout);
  signal.addEventListener('abort', onAbort);
  const forget = () => {
    signal.removeEventListener('abort', onAbort);
  };
  try {
    const response = await followRedirects({ ...request, signal: abort.signal }, policy);
    response.body.once('close', forget);
    return response;
  } catch (error) {
    forget();
    throw abort.signal.aborted ? abort.signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

async function followRedirects(request: VideoRequest, policy: RequestPolicy): Promise<VideoResponse> {
  const { headers, signal } = request;
  let { credentials } = request;
  let url = new URL(request.url);
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    if (url.origin !== credentials?.origin) credentials = undefined;
    const response = await send(
      {
        url,
        headers: { ...headers, ...credentials?.headers },
        checkAddress: credentials ? () => undefined : addressCheck(url, policy.allowHosts),
        signal,
      },
      policy.dispatcher,
    );
    // Without a listener, an error that a discarded body emits would end the process.
    response.body.on('error', () => undefined);
    const { location } = response.headers;
    if (!REDIRECTS.includes(response.status) || location === undefined) return response;
    response.body.destroy();
    url = redirectTarget(url, location);
  }
  throw new SaveError('network', `${url.host} redirects more than ${MAX_REDIRECTS} times`);
}

function redirectTarget(from: URL, location: string): URL {
  if (!URL.canParse(location, from.href)) throw new SaveError('network', `${from.host} redirects to an invalid URL`);
  const target = new URL(location, from);
  if (from.protocol === 'https:' && target.protocol === 'http:') {
    throw new SaveError(
      'refused',
      `${from.host} redirects from https to http (${target.host}): anyone on the way could exchange the video; ` +
        'the service must redirect to https',
    );
  }
  return target;
}

function addressCheck(url: URL, allowHosts: readonly string[]): (address: string) => void {
  if ([url.hostname, url.host, bareHost(url)].some((host) => allowHosts.includes(host))) return () => undefined;
  return (address) => {
    if (isPublicAddress(address)) return;
    throw new SaveError(
      'refused',
      `${url.host} is at ${address}, which is not on the public internet; if this is intended, name the host in allowHosts`,
    );
  };
}

async function send(hop: Hop, dispatcher: Dispatcher | undefined): Promise<VideoResponse> {
  const { url, checkAddress } = hop;
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new SaveError('refused', `a video behind ${url.protocol} is not fetched, only http and https`);
  }
  // No look-up is made of an address in digits.
  if (isIP(bareHost(url)) > 0) checkAddress(bareHost(url));
  return dispatcher ? sendThrough(dispatcher, hop) : sendDirectly(hop);
}

function sendDirectly({ url, headers, checkAddress, signal }: Hop): Promise<VideoResponse> {
  // Checked where the socket gets its address: a second look-up could have another result (DNS rebinding).
  const lookup: LookupFunction = (name, options, callback) => {
    lookupName(name, { ...options, all: true }, (error, found) => {
      try {
        if (error) throw error;
        for (const { address } of found) checkAddress(address);
        const [first] = found as [LookupAddress];
        if (options.all === true) callback(null, found);
        else callback(null, first.address, first.family);
      } catch (refusal) {
        callback(refusal as Error, '', 0);
      }
    });
  };
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(
      url,
      // `auth: null`: a name and password in the URL would become an Authorization header.
      { headers, auth: null, agent: false, signal, lookup },
      (response) => {
        resolve({ status: response.statusCode ?? 0, headers: joinHeaders(response.headers), body: response });
      },
    );
    request.on('error', reject);
    request.end();
  });
}

/** A proxy looks names up by itself: what this machine cannot resolve is the proxy's to check. */
async function sendThrough(
  dispatcher: Dispatcher,
  { url, headers, checkAddress, signal }: Hop,
): Promise<VideoResponse> {
  for (const { address } of await resolveLocally(bareHost(url))) checkAddress(address);
  const { statusCode, headers: fields, body } = await undiciRequest(url, { dispatcher, headers, signal });
  return { status: statusCode, headers: joinHeaders(fields), body };
}

function resolveLocally(host: string): Promise<readonly LookupAddress[]> {
  return new Promise((resolve) => {
    lookupName(host, { all: true }, (error, found) => {
      resolve(error ? [] : found);
    });
  });
}

/** An IPv6 address without its brackets. */
function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}

function joinHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]));
}
