import { NEVER } from 'rxjs';
import * as index from 'rx-video-tasks';
import * as angular from 'rx-video-tasks/angular';
import * as bullmq from 'rx-video-tasks/bullmq';
import * as node from 'rx-video-tasks/node';
import * as relay from 'rx-video-tasks/relay';
import * as sandbox from 'rx-video-tasks/sandbox';
import * as testing from 'rx-video-tasks/testing';
import { afterEach, expect, test } from 'vitest';
import { startApp, TestBed } from './angular/test-bed.js';
import { REFUSE_NOTHING } from './refuse-nothing.js';

// In JavaScript a mistyped option passes silently, and a missing argument fails where nothing names it. So every public
// function refuses what it cannot mean, with the name of the function or option, the value, and what to write instead.
// A new function, and a new option of one, fails here until it has a row.

type Call = (...args: never[]) => unknown;

/** In an injection context of Angular. */
const inApp =
  <Argument>(call: (argument: Argument) => unknown) =>
  (argument: Argument) => {
    TestBed.resetTestingModule();
    startApp(angular.provideVideoTasks(() => tracker));
    return TestBed.runInInjectionContext(() => call(argument));
  };
afterEach(() => {
  TestBed.resetTestingModule();
});

const exported = { ...index, ...node, ...relay, ...angular, ...testing, ...sandbox, ...bullmq } as unknown as Readonly<
  Record<string, Call | undefined>
>;
const provider = index.alad({ apiKey: 'key' });
const tracker = index.createTracker({ provider, journal: index.memoryJournal() });
const task = testing.queuedTask({ provider: 'alad' });
const outcome = { type: 'due' };
const { state } = index.createPollPolicy().start({ now: 0 });

interface Options {
  readonly call?: (options: never) => unknown;
  /** Without them the options are refused. */
  readonly required?: object;
  /** A value that cannot be meant, for each option. */
  readonly wrong: Readonly<Record<string, unknown>>;
}

const POLL = {
  ...{ interval: '30000', minInterval: null, initialDelay: -1, deadline: 'tomorrow', retry: 5, random: 0.5 },
};
const OBSERVED = { notifier: 5, onMiss: 'log' };
const PLAN = {
  windows: { '*': { min: 20_000, max: 30_000, generation: 5 } },
  cadence: 'weekly',
  speed: '2',
  allowSpeed: 1,
};
const ACCOUNT = { apiKey: 5, baseUrl: 'ftp://x', name: 5, allowInsecure: 'no' };
const QUERY = { provider: 'alad', transport: 'fetch', gate: {} };
const LIMITS = { headersTimeout: '5', totalTimeout: 0, maxBytes: NaN };

const OPTIONS: Readonly<Record<string, Options>> = {
  createTracker: { required: { provider }, wrong: { ...QUERY, journal: {}, active: 5, ...PLAN, ...POLL, ...OBSERVED } },
  createQuery: { required: { provider }, wrong: QUERY },
  createPollPolicy: { wrong: { ...POLL, windows: null, cadence: 5 } },
  createGate: { wrong: { maxInFlight: '3', requestsPerMinute: '60' } },
  pollUntilTerminal: { wrong: { ...POLL, ...OBSERVED } },
  dedupeStatus: { wrong: { by: 'word' } },
  expiryWarnings: { required: { before: 5 }, wrong: { before: '5' } },
  withModelInterval: {
    call: (options) => index.withModelInterval(index.resultWindows, options),
    wrong: { cadence: 'weekly', random: 1, hint: 5 },
  },
  completedFrom: { call: (options) => index.completedFrom(NEVER, options), wrong: { signal: {} } },
  xingchaoyiqing: { required: { apiKey: 'key' }, wrong: ACCOUNT },
  mingyan: { required: { apiKey: 'key' }, wrong: ACCOUNT },
  globalaiopc: { required: { apiKey: 'key' }, wrong: ACCOUNT },
  anyfast: { required: { apiKey: 'key' }, wrong: ACCOUNT },
  alad: { required: { apiKey: 'key' }, wrong: ACCOUNT },
  defineProvider: {
    required: { name: 'acme', baseUrl: 'https://a.example', wire: index.resultWire, windows: index.resultWindows },
    wrong: {
      ...{ name: 5, baseUrl: 'a.example', wire: {}, windows: null, otherHosts: 'eu.example', minInterval: -1 },
      ...{ retention: '1', headers: {} },
    },
  },
  fetchTransport: { wrong: { ...LIMITS, fetch: 5 } },
  relayTracker: {
    required: { url: 'https://a.example/tasks' },
    wrong: {
      ...{ url: 5, headers: 'x', credentials: 'all', hiddenAfter: '5', silence: 0, idsPerStream: 1.5 },
      ...{ streamsPerSubject: NaN, fetch: 5, random: 5 },
    },
  },
  saveVideo: {
    required: { directory: './videos' },
    wrong: {
      ...{ directory: 5, sink: {}, query: 5, ack: true, provider: null, dispatcher: {}, concurrency: 0, maxBytes: '5' },
      ...{
        timeout: NaN,
        minBytesPerSecond: -1,
        retry: 3,
        progressInterval: '5',
        allowHosts: 'localhost',
        userAgent: 5,
      },
    },
  },
  undiciTransport: { wrong: { ...LIMITS, connections: '5', keepAlive: 0, connectTimeout: 0.5, ca: 5, dispatcher: {} } },
  relayHandler: {
    required: { tracker, authorize: () => undefined },
    wrong: {
      ...{ tracker: {}, authorize: 5, videoUrl: 'yes', cors: 5, heartbeat: '5', reauthorizeAfter: 0 },
      ...{ streamsPerSubject: NaN, idsPerStream: 1.5, streams: -1 },
    },
  },
  injectTask: { call: inApp((options) => angular.injectTask('id', options)), wrong: { injector: 5 } },
  taskResource: { call: inApp((options) => angular.taskResource('id', options)), wrong: { injector: 5 } },
  httpClientTransport: {
    call: (options) => angular.httpClientTransport({ get: () => undefined } as never, options),
    wrong: { totalTimeout: '5' },
  },
  scriptedQuery: {
    call: (options) => testing.scriptedQuery(['q'], options),
    wrong: { latency: '5', provider: 5 },
  },
  scriptedTransport: { call: (options) => testing.scriptedTransport(['q'], options), wrong: { latency: -1 } },
  startSandbox: {
    wrong: { speed: '60', seed: 'x', port: -1, host: '0.0.0.0', retention: 1, rateLimit: '5' },
  },
  fleetTracker: {
    required: { provider, connection: 'redis://127.0.0.1:1' },
    wrong: { ...QUERY, connection: 'http://x', prefix: 5, queue: 5, notifier: 5, onError: 'log' },
  },
  fleetWorker: {
    required: { provider, connection: 'redis://127.0.0.1:1' },
    wrong: {
      ...{ ...QUERY, connection: 5, prefix: '{', queue: ' ', signal: {}, concurrency: '5', requestsPerMinute: '5' },
      ...{ storeUrls: 'no', ...PLAN, ...POLL },
    },
  },
  'tracker.track': { call: (options) => tracker.track('id', options), wrong: { ack: 'always' } },
  'tracker.trackAll': { call: (options) => tracker.trackAll(['id'], options), wrong: { ack: true } },
  'tracker.resume': { call: (options) => tracker.resume(options), wrong: { ack: null } },
};

type Row = readonly [args: readonly unknown[], message: string];

/** Arguments that are no options. */
const ARGUMENTS: Readonly<Record<string, readonly Row[]>> = {
  createJournal: [
    [[], 'createJournal: the store has no load(); write { load, save, remove, close }'],
    [[{ load: () => [] }], 'createJournal: the store has no save(); write'],
  ],
  completedFrom: [
    [[], 'task$: undefined is not usable; write an Observable'],
    [['id'], 'task$: "id" is not usable; write an Observable'],
  ],
  withModelInterval: [
    [[null], 'windows: null is not usable; write an object such as resultWindows'],
    [[[]], 'windows: [object Array] is not usable; write an object'],
    [[{ x: null }], 'windows["x"]: min undefined, max undefined; write 0 < min <= max, in ms'],
    [[{ x: { min: '1', max: 2 } }], 'windows["x"]: min 1, max 2; write'],
    [[{ x: { min: 1, max: 2, floor: -1 } }], 'windows["x"].floor: -1 is not usable; write 0..2147483647 ms'],
    [[{ x: { min: 1, max: 2, interval: 3 } }], 'windows["x"]: interval 3 is outside the window; write 1 to 2 ms'],
    [[{ x: { min: 1, max: 2, generation: [2, 1] } }], 'windows["x"]: generation 2,1; write [shortest, longest], in ms'],
  ],
  learnGenerationTimes: [
    [[], 'windows: undefined is not usable; write an object such as resultWindows'],
    [[index.resultWindows, 5], 'times: 5 is not usable; write the `times` of an earlier run'],
    [[index.resultWindows, { x: 1 }], 'times["x"]: 1 was not learned here; give back what was saved'],
  ],
  windowOf: [[[], 'windows: undefined is not usable; write an object such as resultWindows']],
  toTaskRef: [
    [[], 'provider: undefined is not usable; write alad({ apiKey })'],
    [[index.alad, '{}'], 'provider: [object Function] is not usable; write alad({ apiKey })'],
  ],
  openEnvelope: [
    [[], 'reply: undefined is not usable; write the reply that `read` receives'],
    [[{ body: '' }], 'context: undefined is not usable; write the context that `read` receives'],
  ],
  replyError: [
    [[{ body: '' }], 'context: undefined is not usable; write the context that `read` receives'],
    [
      [{ body: '' }, { redact: String }, 'it is empty', { foo: 1 }],
      'replyError: there is no option "foo"; write one of',
    ],
  ],
  toTask: [
    [[{}, { body: '' }], 'context: undefined is not usable; write the context that `read` receives'],
    [[null, { body: '' }, { redact: String }], 'reading: null is not usable; write an object such as { status }'],
  ],
  fileJournal: [
    [[], 'fileJournal: path undefined names no file; write'],
    [[''], 'fileJournal: path "" names no file; write'],
  ],
  relayHandler: [
    [[{ tracker, authorize: String, cors: {} }], 'cors.origins: undefined is not usable; write ['],
    [[{ tracker, authorize: String, cors: { origin: [] } }], 'cors: there is no option "origin"; write one of origins'],
    [[{ tracker, authorize: String, cors: { origins: ['*'] } }], 'cors.origins: * is no origin; write for example'],
    [[{ tracker, authorize: String, cors: { origins: [], headers: 5 } }], 'cors.headers: 5 is not usable; write'],
    [
      [{ tracker, authorize: String, cors: { origins: [], credentials: 5 } }],
      'cors.credentials: 5 is not usable; write',
    ],
  ],
  nodeRelay: [
    [[], 'nodeRelay: undefined is no handler; write nodeRelay(relayHandler({ ... }))'],
    [[relay], 'nodeRelay: [object Module] is no handler; write'],
  ],
  provideVideoTasks: [[[], 'provideVideoTasks: undefined is not usable; write a function that returns a tracker']],
  injectTask: [[[], 'ref: undefined is not usable; write an id, a ref, or a function of signals']],
  taskResource: [[[], 'ref: undefined is not usable; write an id, a ref, or a function of signals']],
  httpClientTransport: [[[], 'http: undefined is not usable; write inject(HttpClient)']],
  scriptedQuery: [[[], 'script: undefined is no list of steps; write for example']],
  scriptedTransport: [[[{ id: [] }], 'script: [object Array] is no list of steps; write for example']],
  errorReply: [
    [['network'], 'kind: "network" is not usable; write unauthorized, '],
    [['server', '5'], 'retryAfterSeconds: "5" is not usable; write seconds'],
  ],
  resultReply: [[[], 'status: undefined is not usable; write queued, ']],
  generationsReply: [[[{ status: 'done' }], 'status: "done" is not usable; write queued, ']],
  marbleTasks: [[[null], 'queuedTask: null is not usable; write queuedTask({']],
  ...Object.fromEntries(
    ['queuedTask', 'processingTask', 'unknownTask', 'completedTask', 'failedTask', 'cancelledTask', 'lostTask'].map(
      (name): [string, Row[]] => [name, [[['x'], `${name}: "x" is not usable; write ${name}({ id: 'video_1' })`]]],
    ),
  ),
};

/** Of what the functions return. */
const METHODS: readonly (readonly [name: string, call: Call, message: string])[] = [
  ['tracker.track()', () => tracker.track(undefined as never), 'ref: undefined names no task; write an id'],
  ['tracker.track({})', () => tracker.track({} as never), 'id: undefined is not usable; write the id'],
  [
    'tracker.trackAll()',
    () => tracker.trackAll(undefined as never),
    'refs: undefined is not usable; write an Observable',
  ],
  ['tracker.trackAll("id")', () => tracker.trackAll('id' as never), 'refs: a string is one ref; write track(ref)'],
  ['tracker.query()', () => tracker.query(undefined as never), 'ref: undefined names no task; write an id'],
  ['tracker.ack()', () => tracker.ack(undefined as never), 'task: undefined is not usable; write a task'],
  ['tracker.forget()', () => tracker.forget(undefined as never), 'ref: undefined names no task; write an id'],
  [
    'tracker.resume() without a journal',
    () => index.createTracker({ provider }).resume(),
    'journal: there is none; write createTracker({ journal })',
  ],
  [
    'relayTracker().track()',
    () => index.relayTracker({ url: 'https://a.example' }).track(undefined as never),
    'id: undefined is not usable; write the id that your relay knows',
  ],
  [
    'relayTracker().trackAll()',
    () => index.relayTracker({ url: 'https://a.example' }).trackAll(undefined as never),
    'refs: undefined is not usable; write an Observable',
  ],
  [
    'policy.start()',
    () => index.createPollPolicy().start(undefined as never),
    'now: undefined is not usable; write ms',
  ],
  [
    'policy.next()',
    () => index.createPollPolicy().next(undefined as never, outcome as never, { now: 0 }),
    'state: undefined is not usable; write the state of the last step',
  ],
  [
    'policy.next(state, {})',
    () => index.createPollPolicy().next(state, {} as never, { now: 0 }),
    'outcome.type: undefined is not usable; write due, answer, miss, call',
  ],
  [
    'policy.next(state, outcome)',
    () => index.createPollPolicy().next(state, outcome as never, undefined as never),
    'now: undefined is not usable; write ms',
  ],
  [
    'scriptedQuery().query()',
    () => testing.scriptedQuery(['q']).query(undefined as never),
    'id: undefined is not usable; write the id of a task',
  ],
  [
    'a provider of provideVideoTasks that returns no tracker',
    () => {
      TestBed.resetTestingModule();
      startApp(angular.provideVideoTasks(() => undefined as never));
      return TestBed.runInInjectionContext(angular.injectTracker);
    },
    'provideVideoTasks: what the function returned: undefined is not usable; write a function that returns a tracker',
  ],
];

function callOf(name: string, { call }: Options): Call {
  return call ?? (exported[name] as Call);
}

/** The error of a call, thrown or by a rejected promise. */
async function refusalOf(call: () => unknown): Promise<Error> {
  try {
    await call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('it was taken');
}

async function expectRefusal(call: () => unknown, message: string | RegExp): Promise<void> {
  const error = await refusalOf(call);
  if (typeof message === 'string') expect(error.message.slice(0, message.length)).toBe(message);
  else expect(error.message).toMatch(message);
  expect(error.message).toMatch(/; write |; give back /);
  expect(['TypeError', 'RangeError']).toContain(error.name);
}

test('every exported function refuses something by name, or takes any value', () => {
  const functions = Object.entries(exported).filter(
    ([name, value]) => typeof value === 'function' && !/^[A-Z]/.test(name),
  );
  const known = [...REFUSE_NOTHING, ...Object.keys(OPTIONS), ...Object.keys(ARGUMENTS)];
  expect(functions.map(([name]) => name).filter((name) => !known.includes(name))).toEqual([]);
  expect(known.filter((name) => !name.includes('.') && !(name in exported))).toEqual([]);
});

test.for(Object.entries(OPTIONS))('%s refuses options that are none, and unknown ones', async ([name, options]) => {
  const { required } = options;
  const call = callOf(name, options);
  const path = name.startsWith('tracker.') ? 'track' : name;
  await expectRefusal(() => call(null as never), `${path}: the options are null; write ${path}(`);
  await expectRefusal(() => call('sk-secret' as never), `${path}: the options are string; write ${path}(`);
  await expectRefusal(() => call({ ...required, foo: 1 } as never), `${path}: there is no option "foo"; write one of `);
  if (required)
    await expectRefusal(() => call(undefined as never), `${path}: the options are undefined; write ${path}(`);
});

test.for(Object.entries(OPTIONS))('%s refuses each option of a wrong type', async ([name, options]) => {
  const { required, wrong } = options;
  const call = callOf(name, options);
  const { message } = await refusalOf(() => call({ ...required, foo: 1 } as never));
  const names = message.replace(/^.*write one of /, '').split(', ');
  expect(
    names.filter((option) => !(option in wrong)),
    'options without a row',
  ).toEqual([]);
  for (const option of names) {
    const rest = option === 'sink' ? {} : required;
    const pattern = new RegExp(`^(?:defineProvider: )?${option}\\b.*; write `, 's');
    await expectRefusal(() => call({ ...rest, [option]: wrong[option] } as never), pattern);
  }
});

const rows = Object.entries(ARGUMENTS).flatMap(([name, all]) =>
  all.map(([args, message]) => [name, message, args] as const),
);

test.for(rows)('%s refuses an argument: %s', async ([name, message, args]) => {
  const call = exported[name] as Call;
  await expectRefusal(() => call(...(args as never[])), message);
});

test.for(METHODS)('%s', async ([, call, message]) => {
  await expectRefusal(call, message);
});

test('guards and readers take any value', () => {
  for (const name of REFUSE_NOTHING.filter((one) => /^(is|read|status|incoming)/.test(one))) {
    for (const value of [undefined, null, 5, 'x', {}, task]) {
      expect(() => (exported[name] as Call)(value as never), name).not.toThrow();
    }
  }
});
