import type { QueryErrorKind } from 'rx-video-tasks';
import { describe, expect, test } from 'vitest';
import { Body, transportError } from '../../src/transport/reply.js';

const failed = (code: unknown, message = 'oops') => Object.assign(new Error(message), { code });
const errorOf = (error: unknown) => {
  const { kind, code, message } = transportError(error);
  return { kind, code, message };
};

const untrusted = "the server's certificate cannot be trusted; nothing was sent";
const unsendable = 'the request cannot be sent; check its URL and headers';
const failure = 'the exchange failed';
const tooLong = 'the exchange took too long';

describe('an exchange without a reply', () => {
  test.for<[string, QueryErrorKind, string]>([
    ['CERT_HAS_EXPIRED', 'misconfigured', untrusted],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'misconfigured', untrusted],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'misconfigured', untrusted],
    ['HOSTNAME_MISMATCH', 'misconfigured', untrusted],
    ['UNABLE_TO_GET_ISSUER_CERT', 'misconfigured', untrusted],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'misconfigured', untrusted],
    ['ERR_INVALID_URL', 'misconfigured', unsendable],
    ['UND_ERR_INVALID_ARG', 'misconfigured', unsendable],
    ['UND_ERR_HEADERS_OVERFLOW', 'malformed', 'the reply is not HTTP'],
    ['UND_ERR_CONNECT_TIMEOUT', 'timeout', tooLong],
    ['ETIMEDOUT', 'timeout', tooLong],
    ['ECONNRESET', 'network', failure],
    ['ENOTFOUND', 'network', failure],
    ['EPROTO', 'network', failure],
    ['UND_ERR_INVALID_ARGUMENTS', 'network', failure],
    ['NOT_ERR_INVALID_URL', 'network', failure],
  ])('by its code, %s, is %s', ([code, kind, what]) => {
    expect(errorOf(failed(code))).toEqual({ kind, code, message: `${what} (${code})` });
  });

  test('is known by the innermost cause that it names', () => {
    const inner = failed('ECONNREFUSED');
    const attempts = new AggregateError([inner, failed('ENETUNREACH')], 'all failed');
    const fetched = new TypeError('fetch failed', { cause: attempts });
    expect(errorOf(fetched)).toEqual({ kind: 'network', code: 'ECONNREFUSED', message: `${failure} (ECONNREFUSED)` });
  });

  test('is known by its own code where the cause has none', () => {
    const outer = Object.assign(new Error('oops', { cause: new Error('why') }), { code: 'ETIMEDOUT' });
    expect(errorOf(outer)).toEqual({ kind: 'timeout', code: 'ETIMEDOUT', message: `${tooLong} (ETIMEDOUT)` });
  });

  test('is a network error where nothing is known, or its cause is itself', () => {
    const circular: Error & { cause?: unknown } = new Error('oops');
    circular.cause = circular;
    for (const error of [circular, failed(17), failed(undefined), 'text', 17, null, undefined]) {
      expect(errorOf(error)).toEqual({ kind: 'network', code: undefined, message: failure });
    }
  });

  test('is malformed where a parser gave up, but not on a reply that was cut off', () => {
    const parser = (message: string) => Object.assign(new Error(message), { name: 'HTTPParserError' });
    expect(errorOf(parser('Expected HTTP/'))).toMatchObject({ kind: 'malformed', message: 'the reply is not HTTP' });
    expect(errorOf(parser('Invalid EOF state'))).toMatchObject({ kind: 'network' });
    expect(errorOf(new Error('Expected HTTP/'))).toMatchObject({ kind: 'network' });
  });
});

describe('a body', () => {
  const bytes = (text: string) => new TextEncoder().encode(text);

  test('is put together from its parts, wherever a character is cut', () => {
    const all = bytes('\ufeffvidéo 视频 🎬');
    for (let at = 0; at <= all.length; at++) {
      const body = new Body(100);
      body.add(all.subarray(0, at));
      body.add(all.subarray(at));
      expect(body.text()).toBe('vidéo 视频 🎬');
    }
  });

  test('may be as large as the limit, and no larger, by its content-length or without it', () => {
    const body = new Body(4);
    for (const length of ['4', '', 'many', null, undefined]) body.expect(length);
    expect(() => {
      body.expect('5');
    }).toThrow(/larger than 4 bytes/);
    body.add(bytes('abc'));
    body.add(bytes('d'));
    expect(body.text()).toBe('abcd');
    expect(() => {
      body.add(bytes('e'));
    }).toThrow(expect.objectContaining({ kind: 'malformed', code: 'too-large' }));
  });
});
