import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { videoFile } from './video-file.js';

/** A URL that opens one video for a while. */
export interface SignedVideo {
  readonly url: string;
  /** Epoch ms. */
  readonly opensAt: number;
  /** Epoch ms, whole seconds. */
  readonly expiresAt: number;
}

/**
 * The three ways in which the services' URLs contain their expiry; `auth_key` does so in a form of its vendor's own.
 */
export type Signature = 'Expires' | 'X-Tos' | 'auth_key';

/** Signs the URL of a video that is done at `opensAt` and kept for `retention` ms. */
export function signVideo(
  base: string,
  opensAt: number,
  retention: number,
  signature: Signature,
  token: string,
): SignedVideo {
  // The video of a task that does not complete never opens.
  const signedAt = Number.isFinite(opensAt) ? Math.ceil(opensAt / 1000) : 0;
  const lifetime = Math.ceil(retention / 1000);
  const expires = signedAt + lifetime;
  const date = new Date(signedAt * 1000).toISOString().replace(/[-:]|\.\d+/g, '');
  const query = {
    Expires: `Expires=${expires}&Signature=${token}`,
    'X-Tos': `X-Tos-Algorithm=TOS4-HMAC-SHA256&X-Tos-Date=${date}&X-Tos-Expires=${lifetime}&X-Tos-Signature=${token}`,
    auth_key: `preview=1&auth_key=${expires}-${token}`,
  }[signature];
  return { url: `${base}?${query}`, opensAt, expiresAt: expires * 1000 };
}

/** Sends the video behind a URL as an object store does: the whole, or one range of it. */
export function sendVideo(request: IncomingMessage, response: ServerResponse, { opensAt }: SignedVideo): void {
  const file = (bytes ??= videoFile());
  const headers = {
    'content-type': 'video/mp4',
    'accept-ranges': 'bytes',
    etag: (etag ??= `"${createHash('sha256').update(file).digest('hex').slice(0, 32)}"`),
    'last-modified': new Date(opensAt).toUTCString(),
  };
  const { range: asked, 'if-range': unlessChanged } = request.headers;
  const isSame =
    unlessChanged === undefined || [headers.etag, headers['last-modified']].includes(String(unlessChanged));
  const range = isSame ? rangeOf(asked, file.length) : undefined;
  if (range === 'unsatisfiable') {
    response.writeHead(416, { ...headers, 'content-range': `bytes */${file.length}`, 'content-length': 0 }).end();
    return;
  }
  const { start, end } = range ?? { start: 0, end: file.length - 1 };
  response.writeHead(range ? 206 : 200, {
    ...headers,
    'content-length': end - start + 1,
    ...(range ? { 'content-range': `bytes ${start}-${end}/${file.length}` } : {}),
  });
  // Node itself sends no body to HEAD.
  response.end(file.subarray(start, end + 1));
}

let bytes: Buffer | undefined;
let etag: string | undefined;

/**
 * The bytes that are asked for, both ends included. Several ranges at once, and other units, are answered with the
 * whole.
 */
function rangeOf(
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return start > end ? 'unsatisfiable' : { start, end };
}
