import { isQueryError, QueryError } from '../errors.js';

const LONGEST = 2 ** 31 - 1;

/** The given limits over the defaults. @throws RangeError for one that no timer or buffer can keep */
export function checkLimits<Name extends string>(
  given: { readonly [name in NoInfer<Name>]?: number },
  defaults: Readonly<Record<Name, number>>,
): Readonly<Record<Name, number>> {
  const limits: Record<Name, number> = { ...defaults };
  for (const name of Object.keys(defaults) as Name[]) {
    const value: unknown = given[name] ?? defaults[name];
    if (!(Number.isInteger(value) && (value as number) > 0 && (value as number) <= LONGEST)) {
      throw new RangeError(`${name}: ${String(value)} is not usable; write a whole number from 1 to ${LONGEST}`);
    }
    limits[name] = value as number;
  }
  return limits;
}

/** Gathers the bytes of a body up to a limit: one chunk is taken as it is, more are copied together as they come. */
export class Body {
  #bytes = new Uint8Array(0);
  #size = 0;

  constructor(private readonly maxBytes: number) {}

  /** @throws QueryError `too-large` for a reply whose content-length says so */
  expect(contentLength: string | null | undefined): void {
    if (Number(contentLength) > this.maxBytes) throw this.#tooLarge();
  }

  /** @throws QueryError `too-large` */
  add(chunk: Uint8Array<ArrayBuffer>): void {
    const at = this.#size;
    this.#size += chunk.byteLength;
    if (this.#size > this.maxBytes) throw this.#tooLarge();
    if (at === 0) {
      this.#bytes = chunk;
      return;
    }
    if (this.#size > this.#bytes.byteLength) {
      // Doubled, so that a body in a million crumbs is copied a few times only.
      const wider = new Uint8Array(this.#size * 2);
      wider.set(this.#bytes.subarray(0, at));
      this.#bytes = wider;
    }
    this.#bytes.set(chunk, at);
  }

  /** As UTF-8, without a byte order mark. */
  text(): string {
    return decoder.decode(this.#bytes.subarray(0, this.#size));
  }

  #tooLarge(): QueryError {
    return new QueryError('malformed', `the reply is larger than ${this.maxBytes} bytes`, { code: 'too-large' });
  }
}

const decoder = /* @__PURE__ */ new TextDecoder();

// OpenSSL's names for a certificate that must not be trusted, as Node passes them on.
const UNTRUSTED = /CERT|UNABLE_TO_(GET|VERIFY)|SELF_SIGNED|ALTNAME|HOSTNAME_MISMATCH/;
const UNSENDABLE = /^(ERR_INVALID_URL|UND_ERR_INVALID_ARG)$/;

/**
 * An exchange that brought no reply, as a QueryError: `misconfigured` for certificates and for what cannot be sent,
 * `malformed` for what is no HTTP, `timeout`, else `network`.
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

// undici gives its parser's errors no code. One of them is not the server's doing: a reply cut off in a chunk.
function isNoHttp(error: unknown): boolean {
  const { name, message } = (error ?? {}) as { name?: unknown; message?: unknown };
  return name === 'HTTPParserError' && !String(message).includes('EOF');
}

function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/** `fetch` wraps what happened in a TypeError, and several failed addresses come as an AggregateError. */
function deepest(error: unknown): unknown {
  let inner = error;
  for (let depth = 0; depth < 5; depth++) {
    const { cause, errors } = (inner ?? {}) as { cause?: unknown; errors?: unknown[] };
    const next = cause ?? errors?.[0];
    if (next === undefined) break;
    inner = next;
  }
  return inner;
}
