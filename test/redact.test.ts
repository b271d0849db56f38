import fc from 'fast-check';
import { expect, test } from 'vitest';
import { conceal, mayHold } from '../src/redact.js';

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
