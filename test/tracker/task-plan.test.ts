import { alad, createTracker, globalaiopc, type TrackerOptions } from 'rx-video-tasks';
import { describe, expect, test } from 'vitest';

const apiKey = 'key-of-pace';
const veo = globalaiopc({ apiKey });
const local = alad({ apiKey, baseUrl: 'http://127.0.0.1:4000' });
const own = alad({ apiKey, baseUrl: 'https://stand-in.example.com' });
const make = (options: TrackerOptions) => () => createTracker(options);

describe('createTracker refuses a pace that the documents forbid', () => {
  test.each<[string, Partial<TrackerOptions>]>([
    [
      'interval: 9999 is below the floor of globalaiopc, 10000 ms; if you mean it, write minInterval: 9999',
      { interval: 9_999 },
    ],
    [
      'windows["*"].min: 5 is below the floor of globalaiopc, 10000 ms; if you mean it, write minInterval: 5',
      { windows: { '*': { min: 5, max: 6 } } },
    ],
    ['windows["x"]: min 6, max 5', { windows: { x: { min: 6, max: 5 } } }],
    ['interval: NaN is not usable', { interval: NaN }],
    ['minInterval: NaN is not usable', { minInterval: NaN }],
    ['speed: 0 is not usable; write a number above 0', { speed: 0 }],
    ['speed: NaN is not usable', { speed: NaN }],
    ['deadline: 86400000 is not usable; write 0..21474836.47 ms', { speed: 0.01 }],
    ['speed: 2 would poll globalaiopc at https://zcbservice.aizfw.cn/', { speed: 2, allowSpeed: true }],
  ])('%s', (message, options) => {
    expect(make({ provider: veo, ...options })).toThrow(RangeError);
    expect(make({ provider: veo, ...options })).toThrow(message);
  });

  test('but not where it is intended, or harmless', () => {
    expect(make({ provider: veo, interval: 9_999, minInterval: 9_999 })).not.toThrow();
    expect(make({ provider: veo, speed: 0.5 })).not.toThrow();
    // A date is one at any speed: it is not divided.
    expect(make({ provider: veo, speed: 0.02, deadline: new Date(Date.now() + 864_000_000) })).not.toThrow();
    expect(make({ provider: local, speed: 50, deadline: new Date(Date.now() + 864_000_000) })).not.toThrow();
    expect(make({ provider: local, speed: 50, deadline: new Date('2999-01-01') })).toThrow('deadline: ');
    expect(make({ provider: local, speed: 1_000 })).not.toThrow();
    expect(make({ provider: own, speed: 2, allowSpeed: true })).not.toThrow();
    expect(make({ provider: own, speed: 2 })).toThrow('write allowSpeed: true if that host is yours');
  });
});
