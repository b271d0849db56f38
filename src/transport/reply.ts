import { isQueryError, QueryError } from '../errors.js';
import type { TransportLimits } from './transport.js';

const LONGEST = 2 ** 31 - 1;

export function checkLimits<Limits extends Required<TransportLimits>>(limits: Limits): Limits {
  const { headersTimeout, totalTimeout, maxBytes } = limits;
  for (const [name, value] of Object.entries({ headersTimeout, totalTimeout, maxBytes })) {
    if (!(Number.isInteger(value) && value > 0 && value <= LONGEST)) {
      throw new RangeError(`${name}: ${String(value)} is not usable; write a whole number from 1 to ${LONGEST}`);
    }
  }
  return limits;
}

export function decodeBody(chunks: readonly Uint8Array[], size: number): string {
  const [first = new Uint8Array(0)] = chunks;
  if (chunks.length <= 1) return decoder.decode(first);
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return decoder.decode(whole);
}

const decoder = /* @__PURE__ */ new TextDecoder();

export function tooLarge(maxBytes: number): QueryError {
  return new QueryError('malformed', `the reply is larger than ${maxBytes} bytes`, { code: 'too-large' });
}

// OpenSSL's names for a certificate that must not be trusted, as Node passes them on.
const UNTRUSTED = /CERT|UNABLE_TO_(GET|VERIFY)|SELF_SIGNED|ALTNAME|HOSTNAME_MISMATCH/;

/** An exchange that brought no reply, as a QueryError: `timeout`, `misconfigured` for certificates, else `network`. */
export function transportError(error: unknown): QueryError {
  if (isQueryError(error)) return error;
  const cause = deepest(error);
  const code = codeOf(cause) ?? codeOf(error);
  if (code !== undefined && UNTRUSTED.test(code)) {
    const what = `the server's certificate cannot be trusted (${code}); nothing was sent`;
    return new QueryError('misconfigured', what, { code, cause });
  }
  const kind = code !== undefined && /TIMEOUT|TIMEDOUT/.test(code) ? 'timeout' : 'network';
  const what = kind === 'timeout' ? 'the exchange took too long' : 'the exchange failed';
  return new QueryError(kind, code === undefined ? what : `${what} (${code})`, { code, cause });
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
