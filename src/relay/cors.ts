import { check, checkFlag, checkOptions } from '../options.js';

/**
 * Which pages of other origins may read the relay: the CORS protocol, https://fetch.spec.whatwg.org/#http-cors-protocol
 */
export interface RelayCors {
  /** The origins whose pages may read, such as `https://app.example.com`. */
  readonly origins: readonly string[];
  /** The request headers that such pages may send. @default ['authorization', 'last-event-id'] */
  readonly headers?: readonly string[];
  /** Whether such pages may send cookies. @default false */
  readonly credentials?: boolean;
}

/** The response headers that let a page of another origin read; undefined if it may not. */
export function corsHeaders({ headers }: Request, cors: RelayCors | undefined): Record<string, string> | undefined {
  const origin = headers.get('origin');
  if (!cors || origin === null || !cors.origins.includes(origin)) return undefined;
  return {
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'GET',
    'access-control-allow-headers': (cors.headers ?? ['authorization', 'last-event-id']).join(', '),
    'access-control-expose-headers': 'relay-limit, retry-after',
    vary: 'origin',
    ...(cors.credentials ? { 'access-control-allow-credentials': 'true' } : {}),
  };
}

/** @throws TypeError for fields that are missing, unknown or not usable, and for an origin that no browser sends */
export function checkCors(cors: RelayCors): void {
  checkOptions('cors', "{ origins: ['https://app.example.com'] }", cors, ['origins', 'headers', 'credentials']);
  const { origins, headers = [], credentials = false } = cors;
  check('cors.origins', origins, Array.isArray(origins), "['https://app.example.com']");
  for (const origin of origins) {
    if (URL.canParse(origin) && new URL(origin).origin === origin) continue;
    throw new TypeError(`cors.origins: ${String(origin)} is no origin; write for example 'https://app.example.com'`);
  }
  const areNames = Array.isArray(headers) && headers.every((name) => typeof name === 'string');
  check('cors.headers', headers, areNames, "an array of names, such as ['authorization']");
  checkFlag('cors.credentials', credentials);
}
