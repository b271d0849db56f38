import { createPollPolicy, QueryError, type PollOutcome, type PollPolicyOptions, type PollState } from 'rx-video-tasks';
import { completedTask, processingTask, queuedTask } from 'rx-video-tasks/testing';
import { describe, expect, test } from 'vitest';

// state, outcome -> state, decision

/** Epoch ms. */
const START = 1_760_000_000_000;
const MINUTE = 60_000;

const options = {
  windows: {
    '*': { min: 30_000, max: 60_000 },
    quick: { min: 10_000, max: 20_000 },
    veo: { min: 40_000, max: 60_000, floor: 30_000 },
  },
  cadence: 'uniform',
  random: () => 0.5,
} satisfies PollPolicyOptions;

const due: PollOutcome = { type: 'due' };
const call: PollOutcome = { type: 'call' };
const queued: PollOutcome = { type: 'answer', task: queuedTask() };
const quick: PollOutcome = { type: 'answer', task: queuedTask({ model: 'quick' }) };
const veo: PollOutcome = { type: 'answer', task: queuedTask({ model: 'veo' }) };
const done: PollOutcome = { type: 'answer', task: completedTask() };
const missed = (
  ...[kind, fields]: [QueryError['kind'], ConstructorParameters<typeof QueryError>[2]?]
): PollOutcome => ({
  type: 'miss',
  error: new QueryError(kind, kind, fields),
});

/** ms after START, what happens then, the decision, and fields of the state. */
type Row = readonly [at: number, outcome: PollOutcome, decision: object, state?: Partial<PollState>];

const ask = (patience = 86_400_000) => ({ type: 'ask', patience });
const wait = (delay: number, miss?: object) => ({ type: 'wait', delay, ...(miss && { miss }) });
const end = (reason: string) => ({ type: 'end', reason });

function play(rows: readonly Row[], more: PollPolicyOptions = {}, ref: object = {}): void {
  const policy = createPollPolicy({ ...options, ...more });
  let { state } = policy.start({ now: START, ...ref });
  for (const [at, outcome, decision, fields = {}] of rows) {
    const before = JSON.stringify(state);
    const step = policy.next(state, outcome, { now: START + at });
    expect(step.decision, `${at} ${outcome.type}`).toEqual(decision);
    expect(step.state, `${at} ${outcome.type}`).toMatchObject(fields);
    expect(JSON.stringify(state), 'the state before').toBe(before);
    state = step.state;
  }
}

describe('a state begins', () => {
  test.each<[string, PollPolicyOptions, object, number, Partial<PollState>]>([
    [
      'with an ask at once',
      {},
      {},
      0,
      { startedAt: START, deadlineAt: START + 86_400_000, wait: 30_000, floor: 10_000 },
    ],
    ['after initialDelay', { initialDelay: 5_000 }, {}, 5_000, { dueAt: START + 5_000 }],
    ['but not after the deadline', { initialDelay: 5_000, deadline: 2_000 }, {}, 2_000, { dueAt: START + 2_000 }],
    ['with the window of the model', {}, { model: 'quick' }, 0, { wait: 10_000, model: 'quick' }],
    ['with the floor of the window', {}, { model: 'veo' }, 0, { wait: 40_000, floor: 30_000 }],
    ["with the caller's floor", { minInterval: 20_000 }, { model: 'veo' }, 0, { floor: 20_000 }],
    ["with the caller's interval", { interval: 15_000 }, { model: 'veo' }, 0, { wait: 15_000 }],
    ['with the hint before the model', {}, { model: 'veo', hint: 'quick' }, 0, { wait: 10_000 }],
    [
      'with a deadline from its creation',
      {},
      { createdAt: START - MINUTE },
      0,
      { deadlineAt: START + 86_400_000 - MINUTE },
    ],
    ['with a deadline at a date', { deadline: new Date(START + MINUTE) }, {}, 0, { deadlineAt: START + MINUTE }],
  ])('%s', (_, more, ref, delay, fields) => {
    const { state, decision } = createPollPolicy({ ...options, ...more }).start({ now: START, ...ref });
    expect(decision).toEqual({ type: 'wait', delay });
    expect(state).toMatchObject(fields);
    expect(JSON.parse(JSON.stringify(state))).toEqual(state);
  });
});

describe('what comes next', () => {
  test.each<[string, readonly Row[], PollPolicyOptions?]>([
    [
      'answers, each followed by a wait of its window',
      [
        [0, due, ask(), { isAsking: true, askedAt: START }],
        [40, queued, wait(45_000), { isAsking: false, wait: 45_000, isAnswered: true }],
        [45_040, due, ask(86_400_000 - 45_040)],
        [45_080, quick, wait(15_000), { model: 'quick' }],
        [60_080, due, ask(86_400_000 - 60_080)],
        // The model that was named last.
        [60_100, queued, wait(15_000)],
        [75_100, due, ask(86_400_000 - 75_100)],
        [75_200, done, { type: 'done' }],
      ],
    ],
    [
      'a fixed interval',
      [
        [0, due, ask()],
        [0, veo, wait(12_000)],
      ],
      { interval: 12_000, minInterval: 5_000 },
    ],
    [
      'a fixed interval, but not below the floor of the model that an answer names',
      [
        [0, due, ask(), { wait: 12_000, floor: 10_000 }],
        [0, veo, wait(30_000), { wait: 12_000, floor: 30_000, model: 'veo' }],
      ],
      { interval: 12_000 },
    ],
    [
      'misses, with a back-off that doubles, and an answer that ends it',
      [
        [0, due, ask()],
        [0, missed('server'), wait(30_000, { kind: 'server', misses: 1, nextPollIn: 30_000 })],
        [30_000, due, ask(86_370_000)],
        [
          ...([30_000, missed('network'), wait(60_000, { kind: 'network', misses: 2, nextPollIn: 60_000 })] as const),
          { misses: { count: 2, about: 'network', repeats: 1, since: START + 30_000 } },
        ],
        [90_000, due, ask(86_310_000)],
        [90_000, quick, wait(15_000), { misses: undefined }],
        [105_000, due, ask(86_295_000)],
        [105_000, missed('server'), wait(30_000, { kind: 'server', misses: 1, nextPollIn: 30_000 })],
      ],
      { retry: { delay: 30_000 } },
    ],
    [
      'Retry-After, which a call does not cut short, and 429 that does not count',
      [
        [0, due, ask()],
        [
          0,
          missed('rate-limited', { retryAfterMs: 70_000 }),
          wait(70_000, { kind: 'rate-limited', misses: 0, nextPollIn: 70_000 }),
          { heldUntil: START + 70_000 },
        ],
        [20_000, call, wait(50_000)],
        [70_000, due, ask(86_330_000), { isCalled: false }],
        [70_000, quick, wait(15_000), { heldUntil: undefined }],
      ],
    ],
    [
      'a call: as soon as the floor allows; during a query it is remembered',
      [
        [0, due, ask()],
        [1_000, queued, wait(45_000)],
        [2_000, call, wait(8_000), { isCalled: true }],
        [10_000, due, ask(86_390_000), { isCalled: false }],
        [11_000, call, ask(86_389_000), { isCalled: true }],
        [12_000, queued, wait(8_000)],
        [20_000, due, ask(86_380_000), { isCalled: false }],
      ],
    ],
    [
      'the floor counts from when the request was sent',
      [
        [0, due, ask()],
        [9_000, { ...queued, sentAt: START + 7_000 }, wait(45_000), { askedAt: START + 7_000 }],
        [9_000, call, wait(8_000)],
      ],
    ],
    [
      'a wait that is not over yet is waited for; a query of a process that stopped is sent again',
      [
        [0, due, ask()],
        [0, queued, wait(45_000)],
        [1_000, due, wait(44_000)],
        [45_000, due, ask(86_355_000)],
        [46_000, due, wait(9_000), { isAsking: false }],
        [55_000, due, ask(86_345_000)],
      ],
    ],
  ])('%s', (_, rows, more) => {
    play(rows, more);
  });
});

describe('the end', () => {
  const five = (outcome: PollOutcome, reason: string): Row[] =>
    [0, 1, 2, 3, 4].flatMap((nth): Row[] => [
      [nth * 30_000, due, expect.objectContaining({ type: 'ask' }) as object],
      [nth * 30_000, outcome, nth < 4 ? (expect.objectContaining({ type: 'wait' }) as object) : end(reason)],
    ]);

  test.each<[string, readonly Row[], PollPolicyOptions?]>([
    [
      'what asking again does not change',
      [
        [0, due, ask()],
        [0, missed('forbidden'), end('query')],
      ],
    ],
    [
      'an expired record',
      [
        [0, due, ask()],
        [0, missed('expired'), end('expired')],
      ],
    ],
    [
      'an error that is none of a query',
      [
        [0, due, ask()],
        [0, { type: 'miss', error: new Error('bug') }, end('query')],
      ],
    ],
    ['five answers in a row without a URL', five(missed('malformed', { code: 'no-video' }), 'no-video')],
    ['five malformed answers before any good one', five(missed('malformed'), 'query')],
    [
      'more misses in a row than retry.count',
      [
        [0, due, ask()],
        [0, missed('server'), expect.objectContaining({ type: 'wait' }) as object],
        [30_000, due, ask(86_370_000)],
        [30_000, missed('server'), end('query')],
      ],
      { retry: { count: 1 } },
    ],
    [
      'not found three times in a row over the grace',
      [
        [0, due, ask()],
        [0, missed('not-found'), expect.objectContaining({ type: 'wait' }) as object],
        ...[60_000, 90_000].flatMap((at): Row[] => [
          [at, due, ask(86_400_000 - at)],
          [at, missed('not-found'), expect.objectContaining({ type: 'wait' }) as object],
        ]),
        [120_000, due, ask(86_280_000)],
        [120_000, missed('not-found'), end('query')],
      ],
    ],
    [
      'the deadline, in a wait',
      [
        [0, due, ask(20_000)],
        [0, queued, wait(20_000)],
        [20_000, due, end('deadline')],
      ],
      { deadline: 20_000 },
    ],
    [
      'the deadline, during a query',
      [
        [0, due, ask(20_000)],
        [20_000, due, end('deadline')],
      ],
      { deadline: 20_000 },
    ],
    [
      'the deadline, but one query is tried, and has an ordinary wait to be answered in',
      [
        [0, due, ask(30_000)],
        [29_000, queued, end('deadline')],
      ],
      { deadline: 0 },
    ],
  ])('%s', (_, rows, more) => {
    play(rows, more);
  });
});

test('processing answers whose progress rises are followed by the time that is left', () => {
  const windows = { '*': { min: 10_000, max: 60_000, generation: [60_000, 300_000] } } as const;
  const at = (progress: number): PollOutcome => ({ type: 'answer', task: processingTask({ progress }) });
  const policy = createPollPolicy({ windows, random: () => 1 });
  let { state } = policy.start({ now: START });
  for (const [ms, outcome] of [
    [0, due],
    [0, at(20)],
    [40_000, due],
    [40_000, at(60)],
  ] as const) {
    ({ state } = policy.next(state, outcome, { now: START + ms }));
  }
  // 40 % in 40 s.
  expect(state.wait).toBeGreaterThan(40_000);
  expect(state.wait).toBeLessThan(42_500);
});

test('a date that no timer can wait for is refused when polling begins', () => {
  const policy = createPollPolicy({ deadline: new Date(START + 2 ** 31) });
  expect(() => policy.start({ now: START })).toThrow('deadline: 2147483648 is not usable; write 0..2147483647 ms');
  expect(policy.start({ now: START + 1 }).state.deadlineAt).toBe(START + 2 ** 31);
});

describe('createPollPolicy refuses at call time', () => {
  test.each<[object, string]>([
    [{ intervall: 1 }, 'createPollPolicy: there is no option "intervall"; write one of windows, cadence, interval'],
    [{ interval: 5_000 }, 'interval: 5000 is below minInterval (10000); lower minInterval too if this is intended'],
    [{ cadence: 'weekly' }, `cadence: "weekly" is not usable; write 'uniform', 'window' or`],
    [{ windows: { '*': { min: 2, max: 1 } } }, 'windows["*"]: min 2, max 1'],
    [{ deadline: new Date(NaN) }, 'deadline: NaN is not usable'],
    [{ retry: { counts: 1 } }, 'retry: there is no option "counts"'],
  ])('%j', (odd, message) => {
    expect(() => createPollPolicy(odd)).toThrow(message);
  });
});
