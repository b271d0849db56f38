import { defer, of, timer } from 'rxjs';
import { createGate, type Gate, type GateTicket } from 'rx-video-tasks';
import { describe, expect, test } from 'vitest';
import { marbles, type RunContext } from '../marbles.js';

const ticket = { origin: 'https://api.example.com', key: 'one' };

/** Asks for a request and notes when it goes, in ms. */
function ask(m: RunContext, gate: Gate, went: Map<string, number>, name: string, fields: Partial<GateTicket> = {}) {
  const noted = defer(() => {
    went.set(name, m.scheduler.now());
    return of(0);
  });
  return gate.admit({ ...ticket, ...fields }, noted).subscribe();
}

describe('an admission', () => {
  /** How many urgencies are computed for 100 admissions out of so many requests that wait. */
  const urgenciesFor = (waiting: number): number => {
    let computed = 0;
    marbles((m) => {
      const gate = createGate({ requestsPerMinute: 6_000 });
      const urgency = () => {
        computed += 1;
        return 1;
      };
      const crowd = Array.from({ length: waiting }, () => gate.admit({ ...ticket, urgency }, timer(0)).subscribe());
      m.scheduler.schedule(() => {
        for (const subscription of crowd) subscription.unsubscribe();
      }, 1_000);
      m.flush();
    })();
    return computed;
  };

  test('F38 costs no more with ten times or a hundred times as many requests that wait', () => {
    const [few, more, most] = [500, 5_000, 50_000].map(urgenciesFor) as [number, number, number];
    expect(few).toBeGreaterThan(0);
    expect(more).toBeLessThanOrEqual(1.2 * few);
    expect(most).toBeLessThanOrEqual(1.2 * few);
  });

  test(
    'F38 100 a second go where 100,000 wait',
    marbles((m) => {
      const gate = createGate({ requestsPerMinute: 6_000 });
      const went: number[] = [];
      const noted = defer(() => {
        went.push(m.scheduler.now());
        return of(0);
      });
      const crowd = Array.from({ length: 100_000 }, () =>
        gate.admit({ ...ticket, urgency: () => 1 }, noted).subscribe(),
      );
      m.scheduler.schedule(() => {
        for (const subscription of crowd) subscription.unsubscribe();
      }, 9_999);
      m.flush();
      expect(went.length).toBeGreaterThanOrEqual(0.95 * 1_000);
    }),
  );

  test(
    'finds the most urgent of a crowd that is longer than a look within a round, wherever it waits',
    marbles((m) => {
      const gate = createGate({ requestsPerMinute: 6_000 });
      const went = new Map<string, number>();
      for (let nth = 0; nth < 1_000; nth++) {
        ask(m, gate, went, `${nth}`, { urgency: () => (nth % 300 === 299 ? 1_000 : nth % 7) });
      }
      m.flush();
      // 1,000 in looks of 64: a round takes 16 admissions, one every 10 ms.
      for (const urgent of ['299', '599', '899']) expect(went.get(urgent)).toBeLessThan(200);
      expect(went.size).toBe(1_000);
    }),
  );
});

describe('a request without urgency', () => {
  test(
    'goes in order of arrival at the latest, among many that are urgent',
    marbles((m) => {
      const gate = createGate({ requestsPerMinute: 1_200 });
      const went = new Map<string, number>();
      // Twice as many as the limit allows, for ever; 20 of them wait already.
      const urgent = (nth: number) => ask(m, gate, went, `urgent ${nth}`, { urgency: () => 1e9 });
      for (let nth = 0; nth < 20; nth++) urgent(nth);
      for (let nth = 20; nth < 400; nth++) m.scheduler.schedule(() => urgent(nth), nth * 25);
      ask(m, gate, went, 'plain');
      m.flush();
      // 20 went before it, one every 50 ms; the first at once.
      expect(went.get('plain')).toBeLessThanOrEqual(20 * 50);
    }),
  );

  test(
    'goes earlier where requests before it have left',
    marbles((m) => {
      const gate = createGate({ requestsPerMinute: 1_200 });
      const went = new Map<string, number>();
      const crowd = Array.from({ length: 20 }, (_, nth) => ask(m, gate, went, `urgent ${nth}`, { urgency: () => 1 }));
      ask(m, gate, went, 'plain');
      for (const subscription of crowd.slice(1, 19)) subscription.unsubscribe();
      m.flush();
      expect(went.get('plain')).toBeLessThanOrEqual(100);
    }),
  );
});
