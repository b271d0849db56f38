import { describe, expect, test } from 'vitest';
import { retryAfterOf } from '../../src/transport/transport.js';

const NOW = Date.parse('2026-04-27T11:00:00Z');
const MOST = 900_000;
/** A minute from `NOW`. */
const DATE = 'Mon, 27 Apr 2026 11:01:00 GMT';

const headersOf = (text: string) => ({ 'retry-after': text });

describe('F15 Retry-After', () => {
  test.for([
    ['0', 0],
    ['5', 5_000],
    ['0.25', 250],
    [' 2 ', 2_000],
    ['007', 7_000],
    ['900', MOST],
    ['901', MOST],
    ['2147483648', MOST],
    ['1000000000000', MOST],
    ['9'.repeat(400), MOST],
    [DATE, 60_000],
    ['Mon, 27 Apr 2026 13:01:00 +0200', 60_000],
    ['Wed, 01 Jan 2200 00:00:00 GMT', MOST],
  ] as const)('%s is understood', ([text, ms]) => {
    expect(retryAfterOf(headersOf(text), NOW)).toBe(ms);
  });

  test.for(
    ['', ' ', '-1', '-0', '+5', '5s', 's5', '5 6', '1,5', '.5', '5.', '1e3', '0x10', 'Infinity', 'NaN', 'soon'].concat(
      ['null', '1 2 3', '2026-04-27', '11:01:00', 'Mon', 'Mon, 99 Foo 2026 11:01:00 GMT', '5\u0000', '٥'],
      ['Mon, 27 Apr 2026 11:00:00 GMT', 'Mon, 27 Apr 2026 10:59:00 GMT', 'Thu, 01 Jan 1970 00:00:00 GMT'],
    ),
  )('"%s" is ignored', (text) => {
    expect(retryAfterOf(headersOf(text), NOW)).toBeUndefined();
  });

  test('that is not there is none', () => {
    expect(retryAfterOf({}, NOW)).toBeUndefined();
    expect(retryAfterOf({ date: DATE }, NOW)).toBeUndefined();
  });

  test('as a date is counted from the server’s own clock, where the reply has a Date', () => {
    const until = { 'retry-after': DATE };
    expect(retryAfterOf({ ...until, date: 'Mon, 27 Apr 2026 11:00:50 GMT' }, NOW)).toBe(10_000);
    expect(retryAfterOf({ ...until, date: 'Mon, 27 Apr 2026 12:00:00 GMT' }, NOW)).toBeUndefined();
    expect(retryAfterOf({ ...until, date: 'who knows' }, NOW)).toBe(60_000);
  });

  test('in ms is understood too, and preferred', () => {
    expect(retryAfterOf({ 'retry-after-ms': '250' }, NOW)).toBe(250);
    expect(retryAfterOf({ 'retry-after-ms': '250', 'retry-after': '9' }, NOW)).toBe(250);
    expect(retryAfterOf({ 'retry-after-ms': '1e9', 'retry-after': '9' }, NOW)).toBe(9_000);
    expect(retryAfterOf({ 'retry-after-ms': '1000000000000' }, NOW)).toBe(MOST);
  });
});
