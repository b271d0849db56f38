import { pollUntilTerminal } from 'rx-video-tasks';
import { scriptedQuery } from 'rx-video-tasks/testing';
import { describe, expect, test } from 'vitest';
import { marbles } from '../marbles.js';
import { letters, miss, outlined, polls, prompt } from './polls.js';

describe('the deadline', () => {
  test(
    'ends tracking while the next ask is waited for',
    marbles((m) => {
      polls(
        m,
        {
          ask1: '-q|              ',
          sub1: '^-!              ',
          ask2: '       -p|       ',
          sub2: '-- 30s ^-!       ',
          emit: '-q 30s -p 9996ms #',
        },
        { config: { deadline: 40_000 }, error: { reason: 'deadline', misses: 0, last: 'processing' } },
      );
    }),
  );

  test(
    'may be a date',
    marbles((m) => {
      polls(
        m,
        {
          ask1: '-q|       ',
          sub1: '^-!       ',
          emit: '-q 3998ms #',
        },
        { config: { deadline: new Date(4_000) }, error: { reason: 'deadline', misses: 0, last: 'queued' } },
      );
    }),
  );

  test(
    'aborts a query in flight, with or without earlier answers',
    marbles((m) => {
      const config = { deadline: 40_000 };
      polls(
        m,
        {
          ask1: '---        ',
          sub1: '^ 39999ms !',
          emit: '40s #      ',
        },
        { config, error: { reason: 'deadline', misses: 0, last: undefined } },
      );
      polls(
        m,
        {
          ask1: '-q|              ',
          sub1: '^-!              ',
          ask2: '       ---       ',
          sub2: '-- 30s ^ 9997ms !',
          emit: '-q 39998ms      #',
        },
        { config, error: { reason: 'deadline', misses: 0, last: 'queued' } },
      );
    }),
  );

  test(
    'is not put off by answers or misses',
    marbles((m) => {
      const { query, log } = scriptedQuery(['q', 'server', 'p', 'server', 'q', 'p']);
      const polled = query('task').pipe(pollUntilTerminal({ ...prompt, deadline: 100_000 }), outlined());
      m.expect(polled).toBeObservable('-q 30s - 30s -p 39995ms #', letters, {
        reason: 'deadline',
        misses: 1,
        last: 'processing',
      });
      m.flush();
      expect(log.filter(({ type }) => type === 'request')).toHaveLength(4);
    }),
  );

  test(
    'that has passed still lets one query be tried: a terminal answer counts',
    marbles((m) => {
      for (const deadline of [0, new Date(-1)]) {
        polls(m, { ask1: '-s|', sub1: '^!', emit: '-(s|)' }, { config: { deadline } });
      }
    }),
  );

  test(
    'that has passed ends tracking after that query, whatever else it brings',
    marbles((m) => {
      const config = { ...prompt, deadline: 0 };
      polls(
        m,
        { ask1: '-q|', sub1: '^!', emit: '-(q#)' },
        { config, error: { reason: 'deadline', misses: 0, last: 'queued' } },
      );
      polls(
        m,
        { ask1: '-#', sub1: '^!', emit: '-#' },
        { config, error: { reason: 'deadline', misses: 1, last: undefined } },
      );
      polls(
        m,
        { ask1: '--', sub1: '^ 29999ms !', emit: '30s #' },
        { config, error: { reason: 'deadline', misses: 0, last: undefined } },
      );
    }),
  );

  test(
    'within initialDelay makes the first query come sooner',
    marbles((m) => {
      const config = { initialDelay: 60_000, deadline: 20_000 };
      polls(
        m,
        {
          ask1: '    -q|  ',
          sub1: '20s ^!   ',
          emit: '20s -(q#)',
        },
        { config, error: { reason: 'deadline', misses: 0, last: 'queued' } },
      );
    }),
  );

  test(
    'holds during a back-off and a Retry-After',
    marbles((m) => {
      polls(
        m,
        {
          ask1: '-#        ',
          sub1: '^!         ',
          emit: '- 49999ms #',
        },
        {
          config: { ...prompt, deadline: 50_000 },
          errors: [miss('rate-limited', { retryAfterMs: 600_000 })],
          error: { reason: 'deadline', misses: 0, last: undefined },
        },
      );
    }),
  );

  test(
    'is a day by default',
    marbles((m) => {
      const { query } = scriptedQuery(['q', 'never']);
      m.expect(query('task').pipe(pollUntilTerminal(), outlined())).toBeObservable('-q 86399998ms #', letters, {
        reason: 'deadline',
        misses: 0,
        last: 'queued',
      });
    }),
  );

  test(
    'leaves nothing behind',
    marbles((m) => {
      const { query, log } = scriptedQuery(['q', 'never']);
      query('task')
        .pipe(pollUntilTerminal({ deadline: 40_000 }))
        .subscribe({ error: () => undefined });
      m.flush();
      expect(log.at(-1)).toEqual({ type: 'abort', id: 'task', at: 40_000 });
      expect(m.scheduler.actions).toEqual([]);
    }),
  );

  test(
    'comes also where the last answer tells no time of its own',
    marbles((m) => {
      const query = m.cold('(p|)', { p: { ...letters.p, observedAt: NaN } });
      const ended: unknown[] = [];
      query.pipe(pollUntilTerminal({ deadline: 5_000 })).subscribe({ error: (error: unknown) => ended.push(error) });
      m.flush();
      expect(ended).toMatchObject([{ name: 'TrackingError', reason: 'deadline' }]);
    }),
  );

  test(
    'says so in its message',
    marbles((m) => {
      const { query } = scriptedQuery(['q']);
      let message = '';
      query('task')
        .pipe(pollUntilTerminal({ deadline: 5_000 }))
        .subscribe({
          error: (error: unknown) => {
            message = (error as Error).message;
          },
        });
      m.flush();
      expect(message).toBe(
        'scripted task task: tracking ended [deadline] (queued at 1970-01-01T00:00:00.000Z). It may still be running: track it again by its id',
      );
    }),
  );
});
