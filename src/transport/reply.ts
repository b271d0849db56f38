import { isQueryError, QueryError } from '../errors.js';
import { checkLimit, checkOptions } from '../options.js';

/**
 * The limits among a transport's options, over the defaults.
 * @param others the options that are no limits.
 * @throws TypeError for unknown options; RangeError for a limit that no timer or buffer can keep.
 */
export function checkLimits<Name extends string>(
  caller: string,
  given: { readonly [name in NoInfer<Name>]?: number },
  defaults: Readonly<Record<Name, number>>,
  others: readonly string[],
): Readonly<Record<Name, number>> {
  checkOptions(caller, `${caller}({ totalTimeout: 60_000 })`, given, [...Object.keys(defaults), ...others]);
  const limits: Record<Name, number> = { ...defaults };
  for (const name of Object.keys(defaults) as Name[]) {
    limits[name] = given[name] ?? defaults[name];
    checkLimit(name, limits[name]);
  }
  return limits;
}

const utf8 = /* @__PURE__ */ new TextDecoder();

/** Collects a body up to a limit: UTF-8, without a byte order mark. */
export class Body {
  readonly #maxBytes: number;
  #size = 0;
  /** The first part, for most bodies the whole. */
  #first: Uint8Array | undefined;
  /** For bodies in several parts. */
  #decoder: TextDecoder | undefined;
  #text = '';

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @throws QueryError `too-large` for a reply whose content-length is larger than the limit */
  expect(contentLength: string | number | null | undefined): void {
    // A length that is no number is ignored.
    if (!(Number(contentLength) > this.#maxBytes)) return;
    throw new QueryError('malformed', `the reply is larger than ${this.#maxBytes} bytes`, { code: 'too-large' });
  }

  /** @throws QueryError `too-large` */
  add(chunk: Uint8Array): void {
    this.expect((this.#size += chunk.byteLength));
    if (this.#decoder === undefined) {
      if (this.#first === undefined) {
        this.#first = chunk;
        return;
      }
      this.#decoder = new TextDecoder();
      this.#text = this.#decoder.decode(this.#first, { stream: true });
    }
    this.#text += this.#decoder.decode(chunk, { stream: true });
  }

  text(): string {
    return this.#decoder ? this.#text + this.#decoder.decode() : utf8.decode(this.#first);
  }
}

// The codes of untrusted certificates: https://nodejs.org/api/tls.html#x509-certificate-error-codes
const UNTRUSTED = /CERT|UNABLE_TO_(GET|VERIFY)|SELF_SIGNED|ALTNAME|HOSTNAME_MISMATCH/;
const UNSENDABLE = /^(ERR_INVALID_URL|UND_ERR_INVALID_ARG)$/;

/**
 * The error of an exchange without a reply, as a QueryError: `misconfigured` for certificates and for requests that
 * cannot be sent, `malformed` for replies that are not HTTP, `timeout`, else `network`.
 */
export function transportError(error: unknown): QueryError {
  if (isQueryError(error)) return error;
  const cause = deepest(error);
  const code = codeOf(cause) ?? codeOf(error);
  const [kind, what] = verdict(code ?? '', cause);
  return new QueryError(kind, code === undefined ? what : `${what} (${code})`, { code, cause });
}

function verdict(code: string, cause: unknown): [kind: QueryError['kind'], what: string] {
  if (UNTRUSTED.test(code)) return ['misconfigured', "the server's certificate cannot be trusted; nothing was sent"];
  if (UNSENDABLE.test(code)) return ['misconfigured', 'the request cannot be sent; check its URL and headers'];
  if (isNoHttp(cause) || code === 'UND_ERR_HEADERS_OVERFLOW') return ['malformed', 'the reply is not HTTP'];
  if (/TIMEOUT|TIMEDOUT/.test(code)) return ['timeout', 'the exchange took too long'];
  return ['network', 'the exchange failed'];
}

// undici's HTTPParserError has a name, but not always a code (nodejs/undici, lib/core/errors.js). "Invalid EOF state"
// is a reply that was cut off: a network error.
function isNoHttp(error: unknown): boolean {
  const { name, message } = Object(error) as { name?: unknown; message?: unknown };
  return name === 'HTTPParserError' && !String(message).includes('EOF');
}

function codeOf(error: unknown): string | undefined {
  const { code } = Object(error) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/** `fetch` wraps what happened in a TypeError, and several failed addresses come as an AggregateError. */
function deepest(error: unknown, depth = 5): unknown {
  const { cause, errors } = Object(error) as { cause?: unknown; errors?: unknown[] };
  const inner = cause ?? errors?.[0];
  return inner === undefined || depth === 0 ? error : deepest(inner, depth - 1);
}
