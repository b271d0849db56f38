import fc from 'fast-check';
import { expect, test } from 'vitest';
import { alad, anyfast, globalaiopc, mingyan, xingchaoyiqing } from 'rx-video-tasks';
import { fleetTracker, fleetWorker } from 'rx-video-tasks/bullmq';
import { jobOf, queuesOf } from '../../src/fleet/keys.js';
import { limiterOf } from '../../src/fleet/limiter.js';

const connection = 'redis://127.0.0.1:1';

test('providers of one origin and key share a queue, other hosts have queues of their own', () => {
  const providers = [xingchaoyiqing, mingyan, globalaiopc, anyfast].map((service) => service({ apiKey: 'one' }));
  const queues = queuesOf(providers, {});
  expect(queues.map(({ keys, providers }) => [keys.prefix, providers.map(({ name }) => name)])).toEqual([
    ['{rx-video-tasks:zcbservice.aizfw.cn}', ['xingchaoyiqing', 'mingyan', 'globalaiopc']],
    ['{rx-video-tasks:www.anyfast.ai}', ['anyfast']],
  ]);
});

test('every key of a queue has its hash tag, so that a cluster keeps them in one slot', () => {
  const [queue] = queuesOf([alad({ apiKey: 'one' })], { prefix: 'mine', queue: 'own' });
  const keys = Object.values(queue?.keys ?? {}) as (string | ((job: string) => string))[];
  for (const key of keys) expect(typeof key === 'function' ? key('job') : key).toMatch(/^\{mine:own\}/);
});

test('two keys of one origin are refused a common queue', () => {
  const providers = [mingyan({ apiKey: 'one' }), mingyan({ apiKey: 'two', name: 'other' })];
  expect(() => queuesOf(providers, {})).toThrow(/mingyan, other have different API keys.*write queue:/);
  expect(queuesOf(providers, { queue: ({ name }) => name })).toHaveLength(2);
});

test.each([
  ['a brace', { queue: 'a{b}' }],
  ['nothing', { queue: '' }],
  ['a blank', { prefix: 'a b' }],
])('%s in a queue or prefix is refused', (_, options) => {
  expect(() => queuesOf([alad({ apiKey: 'one' })], options)).toThrow(/is not usable; write 1 to 200 characters/);
});

test('a relative base URL has no host to name a queue by', () => {
  expect(() => queuesOf([alad({ apiKey: null, baseUrl: '/alad' })], {})).toThrow(/queue: the base URL of alad, \/alad/);
});

test('the id of a job is no integer, has no colon, and differs for each provider and id', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (id, other) => {
      expect(jobOf('alad', id)).toMatch(/^t[\w-]{22}$/);
      expect(jobOf('alad', id)).not.toBe(jobOf('mingyan', id));
      if (id !== other) expect(jobOf('alad', id)).not.toBe(jobOf('alad', other));
    }),
  );
});

test('no second of a limited queue holds more than 5 %, or one request, above the limit', () => {
  fc.assert(
    fc.property(fc.double({ min: 1, max: 200_000, noNaN: true }), (requestsPerMinute) => {
      const { max, duration } = limiterOf(requestsPerMinute);
      const perSecond = requestsPerMinute / 60;
      // A second of fixed windows cuts off two of them at most.
      const busiest = max * (Math.floor(1_000 / duration) + 1);
      expect(busiest).toBeLessThanOrEqual(Math.max(perSecond * 1.051, perSecond + 1) + 1e-6);
      // And the limit is used.
      expect((max / duration) * 1_000).toBeGreaterThan(perSecond * 0.9 - 1e-6);
    }),
  );
});

test.each([0, -1, 0.5, NaN])('a limit of %s requests a minute is refused', (requestsPerMinute) => {
  expect(() => limiterOf(requestsPerMinute)).toThrow(
    /requestsPerMinute: \S+ is not usable; write a number of at least 1/,
  );
});

test('what cannot be meant is refused at call time, by name', () => {
  const provider = alad({ apiKey: 'key' });
  expect(() => fleetTracker(undefined as never)).toThrow(/fleetTracker: the options are undefined; write/);
  expect(() => fleetTracker({ connection, provider, interval: 1 } as never)).toThrow(/there is no option "interval"/);
  expect(() => fleetWorker({ connection, provider, onMiss: () => undefined } as never)).toThrow(/"onMiss"/);
  expect(() => fleetWorker({ connection, provider, concurrency: 0 })).toThrow(/concurrency: 0 is not usable/);
  expect(() => fleetTracker({ connection: 'http://user:secret@host', provider })).toThrow(
    /^(?!.*secret)connection: this text is no Redis URL; write "redis:/,
  );
  expect(() => fleetWorker({ connection, provider, speed: 60 })).toThrow(/speed/);
});
