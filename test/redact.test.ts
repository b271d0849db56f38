import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bareUrl, conceal, mayHold } from '../src/redact.js';

const secret = fc.string({
  unit: fc.constantFrom('a', 'b', 'X', 'Y', '0', '9', '-', '_', '/', '\\', '"', 'é'),
  minLength: 1,
  maxLength: 40,
});

test('a reply that may not hold a secret has none in any of its texts, escaped or not', () => {
  fc.assert(
    fc.property(secret, fc.string(), fc.string(), fc.nat(30), (key, before, after, cut) => {
      // Part of the key, as it would have to be concealed.
      const part = key.length <= 8 ? key : key.slice(Math.min(cut, key.length - 8));
      const text = `${before} ${part} ${after}`;
      const escaped = JSON.stringify({ message: text }).replace(/\//g, '\\/');
      for (const body of [JSON.stringify({ message: text }), escaped]) {
        if (!mayHold(body, key)) expect(conceal(text, key)).toBe(text);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('an ordinary reply is not looked at text by text', () => {
  const body = '{"id":"video_1","model":"videos","status":"processing","video_url":null,"error":null}';
  expect(mayHold(body, 'sk-4f9c2b7a1e8d6053')).toBe(false);
  expect(mayHold(body.replace('video_1', 'c2b7a1e8'), 'sk-4f9c2b7a1e8d6053')).toBe(true);
  expect(mayHold(body.replace('video_1', '\\u0063'), 'sk-4f9c2b7a1e8d6053')).toBe(true);
});

const BARE = 'https://videos.example.com/a/v.mp4';

test.each([
  BARE,
  `${BARE}?Expires=1&Signature=secret#part`,
  `${BARE}#part?secret`,
  'https://user:secret@videos.example.com/a/v.mp4',
  'https://user:sec@ret@videos.example.com/a/v.mp4?secret',
])('a bare URL opens nothing: %s', (url) => {
  expect(bareUrl(url)).toBe(BARE);
});

test.each(['https://host.example:8443/@user/v.mp4', 's3://bucket/key', '/v1/videos/x/content', 'no URL'])(
  'what is no credential stays in a bare URL: %s',
  (url) => {
    expect(bareUrl(url)).toBe(url);
  },
);

test('a bare URL is one that a browser reads as the same place, without a user', () => {
  fc.assert(
    fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), fc.webPath(), (url, user) => {
      const withUser = url.replace('://', `://${encodeURIComponent(user)}:secret@`);
      const { origin, pathname } = new URL(url);
      expect(new URL(bareUrl(withUser)).href).toBe(origin + pathname);
    }),
  );
});
