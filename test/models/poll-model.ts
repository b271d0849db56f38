import type { QueryErrorKind, TaskStatus } from 'rx-video-tasks';

// The poll loop once more, as a table of what happens next, to hold the real one against. It shares no line, no clock and
// no Observable with it.

/** What one query does. All times in ms. */
export interface Reply {
  readonly says: TaskStatus | QueryErrorKind | 'empty' | 'no-video' | 'silence' | 'bug';
  /** From the ask. */
  readonly after: number;
  /** How long the query goes on after it has answered. */
  readonly lingers: number;
  readonly pollAfter?: number | undefined;
  readonly retryAfterMs?: number | undefined;
}

export interface Scenario {
  readonly replies: readonly Reply[];
  /** When the notifier emits. */
  readonly calls: readonly number[];
  /** When the consumer leaves. */
  readonly leavesAt: number;
  /** What `random` gives. */
  readonly luck: number;
  readonly minInterval: number;
  readonly interval: number;
  readonly initialDelay: number;
  readonly deadline: number;
  readonly count: number;
  readonly delay: number;
  readonly maxDelay: number;
  readonly notFoundGrace: number;
}

/** What every query answers when the script is over. */
export const FINAL: Reply = { says: 'completed', after: 10, lingers: 0 };

const RUNNING = ['queued', 'processing', 'unknown'];
const TERMINAL = ['completed', 'failed', 'cancelled'];
const POINTLESS = ['unauthorized', 'forbidden', 'misconfigured', 'bug'];

/** Everything that should be seen, in order: asks, emissions, reported misses, and the end. */
export function timelineOf(scenario: Scenario): string[] {
  const { replies, leavesAt, luck, minInterval, interval, initialDelay, deadline, count, notFoundGrace } = scenario;
  const timeline: string[] = [];
  const calls = [...scenario.calls].sort((one, other) => one - other);
  // When each thing happens next.
  let ask = initialDelay;
  let reply = Infinity;
  let completion = Infinity;
  let timeIsUp = deadline;

  let asked = 0;
  let askedAt = -Infinity;
  let now = 0;
  let holdUntil = 0;
  let isCalled = false;
  let isLastAsk = false;
  let answer: Reply | undefined;
  /** The misses since the last answer. */
  let row: { readonly about: string; readonly counts: boolean; readonly at: number }[] = [];

  const earliest = () => Math.max(now, askedAt + minInterval, holdUntil);
  const nextAsk = (backOff = 0) => {
    if (isCalled) return earliest();
    const pollAfter = answer?.pollAfter;
    const ordinary = pollAfter !== undefined && pollAfter >= 0 ? pollAfter : interval;
    return Math.max(earliest(), now + Math.max(minInterval, ordinary, backOff));
  };
  const say = (what: string) => timeline.push(`${now} ${what}`);
  const giveUp = (reason: string) => {
    say(`gives up: ${reason}, ${row.filter(({ counts }) => counts).length} missed, ${answer?.says ?? 'nothing'} known`);
    return timeline;
  };

  for (;;) {
    now = Math.min(leavesAt, calls[0] ?? Infinity, timeIsUp, ask, reply, completion);
    if (now === leavesAt || now === Infinity) return timeline;

    if (now === calls[0]) {
      calls.shift();
      isCalled = true;
      if (reply === Infinity) ask = earliest();
    } else if (now === timeIsUp && now !== reply && asked > 0) {
      return giveUp('deadline');
    } else if (now === ask || (now === timeIsUp && now !== reply)) {
      // A deadline before the first ask makes it come now, and gives it an ordinary wait.
      if (now === timeIsUp) {
        isLastAsk = true;
        timeIsUp = now + interval;
      }
      say('asks');
      const { after, says } = replies[asked++] ?? FINAL;
      askedAt = now;
      isCalled = false;
      ask = completion = Infinity;
      // No reply arrives: a call of the notifier meanwhile finds the query in flight.
      reply = says === 'silence' ? Number.MAX_VALUE : now + after;
    } else if (now === completion) {
      completion = Infinity;
      ask = nextAsk();
    } else {
      reply = Infinity;
      const { says, lingers, retryAfterMs = 0 } = replies[asked - 1] ?? FINAL;
      if ([...RUNNING, ...TERMINAL].includes(says)) {
        answer = replies[asked - 1] ?? FINAL;
        row = [];
        holdUntil = 0;
        say(says);
        if (TERMINAL.includes(says)) {
          say('is done');
          return timeline;
        }
        if (isLastAsk) return giveUp('deadline');
        ask = nextAsk();
        if (lingers > 0) completion = now + lingers;
      } else {
        if (says === 'expired') return giveUp('expired');
        if (POINTLESS.includes(says)) return giveUp('query');
        const isNew = says === 'not-found' && now < notFoundGrace;
        row.push({ about: isNew || says === 'empty' ? '' : says, counts: says !== 'rate-limited', at: now });
        const missed = row.filter(({ counts }) => counts).length;
        const start = row.findLastIndex(({ about }) => about !== row.at(-1)?.about) + 1;
        const alike = row.slice(start);
        const about = row.at(-1)?.about;
        if (about === 'no-video' && alike.length >= 5) return giveUp('no-video');
        if (about === 'malformed' && alike.length >= 5 && !answer) return giveUp('query');
        const since = now - (alike[0]?.at ?? now);
        if (about === 'not-found' && alike.length >= 3 && since >= notFoundGrace) return giveUp('query');
        if (missed > count) return giveUp('query');

        // An empty query has no headers.
        holdUntil = now + (says === 'empty' ? 0 : Math.min(retryAfterMs, 900_000));
        ask = nextAsk(luck * Math.min(scenario.maxDelay, scenario.delay * 2 ** missed));
        const kind = says === 'empty' || says === 'no-video' ? 'malformed' : says;
        say(`missed: ${kind}, ${missed} in a row, asks in ${ask - now}`);
        if (isLastAsk) return giveUp('deadline');
      }
    }
  }
}
