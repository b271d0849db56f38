import { concat, ignoreElements, mergeMap, of, throwError, timer, type Observable } from 'rxjs';
import { createGate, QueryError, type QueryErrorKind } from 'rx-video-tasks';
import { describe, expect, test } from 'vitest';
import { answering, marbles } from '../marbles.js';

const ticket = { origin: 'https://api.example.com', key: 'one' };
const fails = (kind: QueryErrorKind) => throwError(() => new QueryError(kind, kind, { httpStatus: 401 }));
const after = <T>(ms: number, reply: Observable<T>) => concat(timer(ms).pipe(ignoreElements()), reply);

describe('F39 a 401 of a key that was accepted before', () => {
  test(
    'is confirmed by one further request while the others wait; if that succeeds, all go on and nothing is lost',
    marbles((m) => {
      const gate = createGate({ maxInFlight: 2 });
      gate.admit(ticket, of('accepted')).subscribe();
      const refusal = m.cold('  --#', {}, new QueryError('unauthorized', 'no'));
      const success = m.cold('  -(a|)');
      const confirming = m.cold('---(b|)');
      const waiting = m.cold(' -(c|)');
      m.expect(gate.admit(ticket, answering(refusal, success))).toBeObservable('           ------(a|)');
      m.expect(gate.admit(ticket, m.cold('-----(x|)'))).toBeObservable('                   -----(x|)');
      m.expect(gate.admit(ticket, confirming)).toBeObservable('                            -----(b|)');
      m.expect(gate.admit(ticket, waiting)).toBeObservable('                               ------(c|)');
      m.expect(confirming).toHaveSubscriptions('                                           --^--!');
      m.expect(waiting).toHaveSubscriptions('                                              -----^!');
      m.expect(success).toHaveSubscriptions('                                              -----^!');
    }),
  );

  test(
    'ends all that wait where the confirming request is refused too',
    marbles((m) => {
      const gate = createGate({ maxInFlight: 1 });
      gate.admit(ticket, of('accepted')).subscribe();
      const error = new QueryError('unauthorized', 'no');
      const dismissed = { name: 'QueryError', message: expect.stringContaining('refused') as string };
      const first = m.cold(' --#', {}, error);
      const second = m.cold('--#', {}, error);
      const third = m.cold(' -(c|)');
      m.expect(gate.admit(ticket, first)).toBeObservable(' ----#', {}, dismissed);
      m.expect(gate.admit(ticket, second)).toBeObservable('----#', {}, error);
      m.expect(gate.admit(ticket, third)).toBeObservable(' ----#', {}, dismissed);
      m.expect(first).toHaveSubscriptions(' ^-!');
      m.expect(second).toHaveSubscriptions('--^-!');
      m.expect(third).toHaveSubscriptions([]);
    }),
  );

  test(
    'is confirmed by the same request where no other waits: refused twice, it is the end',
    marbles((m) => {
      const gate = createGate();
      gate.admit(ticket, of('accepted')).subscribe();
      const error = new QueryError('unauthorized', 'no');
      const refusal = m.cold('--#', {}, error);
      m.expect(gate.admit(ticket, refusal)).toBeObservable('----#', {}, error);
      m.expect(refusal).toHaveSubscriptions(['              ^-!', '--^-!']);
    }),
  );

  test(
    'of one task only ends that task, after two requests',
    marbles((m) => {
      const gate = createGate({ maxInFlight: 1 });
      gate.admit(ticket, of('accepted')).subscribe();
      const error = new QueryError('unauthorized', 'no');
      const refusal = m.cold('-#', {}, error);
      m.expect(gate.admit(ticket, refusal)).toBeObservable('          ---#', {}, error);
      m.expect(gate.admit(ticket, m.cold('-(b|)'))).toBeObservable('  --(b|)');
      m.expect(refusal).toHaveSubscriptions(['                        ^!', '--^!']);
      m.expect(gate.admit(ticket, m.cold('-(c|)')), '-----^').toBeObservable('------(c|)');
    }),
  );

  test(
    'of one task, twice, is confirmed by a request that has come meanwhile, and ends no other',
    marbles((m) => {
      const gate = createGate({ maxInFlight: 2 });
      gate.admit(ticket, of('accepted')).subscribe();
      const error = new QueryError('unauthorized', 'no');
      const refusal = m.cold('--#', {}, error);
      const later = m.cold('      -(b|)');
      const last = m.cold('        -(c|)');
      m.expect(gate.admit(ticket, refusal)).toBeObservable('     ----#', {}, error);
      m.expect(gate.admit(ticket, later), '---^').toBeObservable('-----(b|)');
      m.expect(gate.admit(ticket, last), '---^').toBeObservable(' ------(c|)');
      m.expect(refusal).toHaveSubscriptions(['^-!', '--^-!']);
      m.expect(later).toHaveSubscriptions('----^!');
      m.expect(last).toHaveSubscriptions(' -----^!');
    }),
  );

  test(
    'stays in doubt while the confirming request gets no answer about the key',
    marbles((m) => {
      const gate = createGate({ maxInFlight: 1 });
      gate.admit(ticket, of('accepted')).subscribe();
      const lost = new QueryError('network', 'lost');
      m.expect(gate.admit(ticket, answering(after(1, fails('unauthorized')), of('a')))).toBeObservable('----(a|)');
      m.expect(gate.admit(ticket, m.cold('-#', {}, lost))).toBeObservable('--#', {}, lost);
      m.expect(gate.admit(ticket, m.cold('--(c|)'))).toBeObservable('----(c|)');
    }),
  );

  test.each([
    ['not found', new QueryError('not-found', 'no such task', { httpStatus: 404 })],
    ['its record deleted', new QueryError('expired', 'deleted', { httpStatus: 404 })],
    ['completed without a URL', new QueryError('malformed', 'no URL', { code: 'no-video', httpStatus: 200 })],
  ])('is over where the confirming request gets an answer about its task: %s', (_what, answer) => {
    marbles((m) => {
      const gate = createGate({ maxInFlight: 2 });
      gate.admit(ticket, of('accepted')).subscribe();
      m.expect(gate.admit(ticket, answering(after(1, fails('unauthorized')), of('a')))).toBeObservable('---(a|)');
      m.expect(gate.admit(ticket, m.cold('---(x|)'))).toBeObservable('---(x|)');
      m.expect(gate.admit(ticket, m.cold('-#', {}, answer))).toBeObservable('--#', {}, answer);
      m.expect(gate.admit(ticket, m.cold('----(c|)'))).toBeObservable('------(c|)');
    })();
  });

  test('among 730 successes ends no task: 2,000 requests', () => {
    marbles((m) => {
      const gate = createGate({ requestsPerMinute: Infinity });
      let asked = 0;
      const request = timer(10).pipe(mergeMap(() => (++asked === 730 ? fails('unauthorized') : of('ok'))));
      let answered = 0;
      let errors = 0;
      for (let nth = 0; nth < 2_000; nth++) {
        gate.admit(ticket, request).subscribe({ next: () => answered++, error: () => errors++ });
      }
      m.flush();
      expect({ answered, errors, asked }).toEqual({ answered: 2_000, errors: 0, asked: 2_001 });
    })();
  });

  test(
    'that leaves while it waits for the confirmation is not sent again',
    marbles((m) => {
      const gate = createGate({ maxInFlight: 1 });
      gate.admit(ticket, of('accepted')).subscribe();
      const refusal = m.cold('-#', {}, new QueryError('unauthorized', 'no'));
      const other = after(3, of('b'));
      m.expect(gate.admit(ticket, refusal), '^-!').toBeObservable('---');
      m.expect(gate.admit(ticket, other)).toBeObservable('----(b|)');
      m.expect(refusal).toHaveSubscriptions('^!');
    }),
  );
});

test(
  'F39 a key that asked about an unknown task is accepted: its first 401 is confirmed',
  marbles((m) => {
    const gate = createGate({ maxInFlight: 1 });
    gate.admit(ticket, fails('not-found')).subscribe({ error: () => 0 });
    m.expect(gate.admit(ticket, answering(after(1, fails('unauthorized')), of('a')))).toBeObservable('-(a|)');
  }),
);

test(
  'F39 a key that was never accepted ends at its first 401, and with it the requests that wait',
  marbles((m) => {
    const gate = createGate({ maxInFlight: 1 });
    const error = new QueryError('unauthorized', 'no');
    const dismissed = { name: 'QueryError', message: expect.stringContaining('refused') as string };
    const waiting = m.cold('-(a|)');
    m.expect(gate.admit(ticket, m.cold('--#', {}, error))).toBeObservable('--#', {}, error);
    m.expect(gate.admit(ticket, waiting)).toBeObservable('                 --#', {}, dismissed);
    m.expect(waiting).toHaveSubscriptions([]);
  }),
);
