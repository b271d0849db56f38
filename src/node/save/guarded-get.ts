import { lookup } from 'node:dns';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from './address.js';
import { SaveError } from './save-error.js';

export interface GetOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** Hosts (`name` or `name:port`) that may be connected to wherever they are. */
  readonly allowHosts: readonly string[];
  /** For the next byte to come, in ms. */
  readonly timeout: number;
  readonly signal: AbortSignal;
}

const MAX_REDIRECTS = 5;

/**
 * Asks for a URL and follows its redirects. At every hop the very address that is connected to must be a public one, or
 * the host be allowed. Sends the given headers and no others but Host and Connection. The body is as it was sent.
 */
export async function guardedGet(url: string, options: GetOptions): Promise<IncomingMessage> {
  let at = new URL(url);
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const response = await hopTo(at, options);
    const { location } = response.headers;
    if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0) || location === undefined) return response;
    response.destroy();
    if (!URL.canParse(location, at.href)) throw new SaveError('network', `${at.host} redirects to what is no URL`);
    at = new URL(location, at);
  }
  throw new SaveError('network', `${new URL(url).host} redirects more than ${MAX_REDIRECTS} times`);
}

function hopTo(url: URL, { headers, allowHosts, timeout, signal }: GetOptions): Promise<IncomingMessage> {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new SaveError('refused', `a video behind ${url.protocol} is not fetched, only http and https`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isAllowed = allowHosts.includes(url.hostname) || allowHosts.includes(url.host) || allowHosts.includes(host);
  const refused = (address: string) =>
    new SaveError(
      'refused',
      `${url.host} is at ${address}, which is not on the public internet; if you mean it, name the host in allowHosts`,
    );
  // Of an address in digits no look-up is made.
  if (!isAllowed && isIP(host) > 0 && !isPublicAddress(host)) throw refused(host);
  const guarded: LookupFunction = (name, options, callback) => {
    lookup(name, { ...options, all: true }, (error, found) => {
      const bad = isAllowed ? undefined : found?.find(({ address }) => !isPublicAddress(address));
      const [first] = found ?? [];
      if (error || bad || !first) callback(error ?? refused(bad?.address ?? 'no address'), '', 0);
      else if (options.all === true) callback(null, found);
      else callback(null, first.address, first.family);
    });
  };
  // A name and password in the URL would go as a header of their own.
  const options: RequestOptions = { headers, auth: null, agent: false, timeout, signal, lookup: guarded };
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, resolve);
    request.on('timeout', () => {
      request.destroy(new Error(`nothing came for ${timeout} ms`));
    });
    request.on('error', reject);
    request.end();
  });
}
