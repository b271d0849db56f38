/**
 * The diagram of each operator. Its marble test runs these strings, its picture in docs/pictures is drawn from them, and
 * its docstring in src/operators shows them.
 */

export interface Diagram {
  readonly operator: string;
  readonly sources: readonly Source[];
  readonly result: string;
  readonly legend: Readonly<Record<string, Meaning>>;
  /** Words below the marbles of the result, by letter. */
  readonly notes?: Readonly<Record<string, string>>;
}

interface Source {
  readonly name: string;
  readonly marbles: string;
  readonly subscription: string;
}

/** The colour of a letter, and its words. */
type Meaning = readonly [kind: string, words: string];

const queued: Meaning = ['queued', 'queued'];
const processing: Meaning = ['processing', 'processing'];
const completed: Meaning = ['completed', 'completed'];

export const diagrams = {
  'poll-until-terminal': {
    operator: 'pollUntilTerminal()',
    sources: [
      { name: '1st query', marbles: 'q|', subscription: '^!' },
      { name: '2nd query', marbles: 'p|', subscription: '- 30s ^!' },
      { name: '3rd query', marbles: 's|', subscription: '- 30s - 30s (^!)' },
    ],
    result: 'q 30s p 30s (s|)',
    legend: { q: queued, p: processing, s: completed },
  },
  'with-model-interval': {
    operator: "withModelInterval(resultWindows, { cadence: 'uniform', random: () => 0 })",
    sources: [{ name: 'query', marbles: '-q-s|', subscription: '^---!' }],
    result: '-q-s|',
    legend: { q: ['queued', 'queued, model: seedance_1_5_pro_720p'], s: ['completed', 'completed, same model'] },
    notes: { q: 'pollAfter: 30_000', s: 'pollAfter: 30_000' },
  },
  'dedupe-status': {
    operator: 'dedupeStatus()',
    sources: [{ name: 'answers', marbles: 'q--q--p--p--s|', subscription: '^------------!' }],
    result: 'q-----p-----s|',
    legend: { q: queued, p: processing, s: completed },
  },
  'throw-on-failure': {
    operator: 'throwOnFailure()',
    sources: [{ name: 'source', marbles: 'q--p--f|', subscription: '^-----!' }],
    result: 'q--p--#',
    legend: { q: queued, p: processing, f: ['failed', 'failed'], '#': ['failed', 'TaskFailedError'] },
  },
  summarize: {
    operator: 'summarize()',
    sources: [{ name: 'source', marbles: 'q---x---s---f|', subscription: '^------------!' }],
    result: 'a---b---c---d|',
    legend: {
      q: ['queued', 'task 1 queued'],
      x: ['queued', 'task 2 queued'],
      s: ['completed', 'task 1 completed'],
      f: ['failed', 'task 2 failed'],
      a: ['other', '1 queued'],
      b: ['other', '2 queued'],
      c: ['other', '1 queued, 1 completed'],
      d: ['other', '1 completed, 1 failed, isSettled: true'],
    },
  },
  'expiry-warnings': {
    operator: 'expiryWarnings({ before: 4 })',
    sources: [{ name: 'source', marbles: 'q--s|', subscription: '^---!' }],
    result: '------(w|)',
    legend: {
      q: queued,
      s: ['completed', 'completed, video.expiresAt: 10'],
      w: ['other', 'expiring, at 10 - 4'],
    },
  },
} as const satisfies Record<string, Diagram>;
