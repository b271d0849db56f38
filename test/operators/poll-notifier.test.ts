import { Subject, throwError } from 'rxjs';
import { pollUntilTerminal } from 'rx-video-tasks';
import { processingTask, scriptedQuery } from 'rx-video-tasks/testing';
import { describe, expect, test } from 'vitest';
import { marbles } from '../marbles.js';
import { letters, listen, miss, polls, prompt } from './polls.js';

describe('the notifier', () => {
  test(
    'brings the next ask forward',
    marbles((m) => {
      const notifier = m.hot('-- 20s n--');
      polls(
        m,
        {
          ask1: '-q|         ',
          sub1: '^-!         ',
          ask2: '       -s|  ',
          sub2: '-- 20s ^!   ',
          emit: '-q 20s -(s|)',
        },
        { config: { notifier } },
      );
      m.expect(notifier).toHaveSubscriptions('^- 20s -!');
    }),
  );

  test(
    'keeps to the floor, counted from ask to ask',
    marbles((m) => {
      polls(
        m,
        {
          ask1: '-q|            ',
          sub1: '^-!            ',
          ask2: '          -s|  ',
          sub2: '10s       ^!   ',
          emit: '-q 9998ms -(s|)',
        },
        { config: { notifier: m.hot('-- 3s n n n--') } },
      );
    }),
  );

  test(
    'in flight is remembered, once: the next ask comes as soon as the floor allows',
    marbles((m) => {
      polls(
        m,
        {
          ask1: '15s      q|         ',
          sub1: '^ 14999ms !         ',
          ask2: '         -p|        ',
          sub2: '15s      ^-!        ',
          ask3: '                -s| ',
          sub3: '15s      -- 30s ^!  ',
          emit: '15s      qp 30s -(s|)',
        },
        { config: { notifier: m.hot('-- 5s n n--') } },
      );
    }),
  );

  test(
    'cuts initialDelay short, at once if it emits at once',
    marbles((m) => {
      const config = { initialDelay: 60_000 };
      polls(
        m,
        {
          ask1: '   -s|  ',
          sub1: '5s ^!   ',
          emit: '5s -(s|)',
        },
        { config: { ...config, notifier: m.hot('5s n--') } },
      );
      polls(m, { ask1: '-s|', sub1: '^!', emit: '-(s|)' }, { config: { ...config, notifier: ['online'] } });
    }),
  );

  test(
    'cuts a back-off short',
    marbles((m) => {
      const config = { random: () => 1, retry: { delay: 60_000 }, notifier: m.hot('20s n--') };
      polls(
        m,
        {
          ask1: '-#      ',
          sub1: '^!      ',
          ask2: '    -s| ',
          sub2: '20s ^!  ',
          emit: '20s -(s|)',
        },
        { config },
      );
    }),
  );

  test(
    'cuts a back-off short that is just being reported',
    marbles((m) => {
      const notifier = new Subject<void>();
      const config = {
        random: () => 1,
        retry: { delay: 60_000 },
        notifier,
        onMiss: () => {
          notifier.next();
        },
      };
      polls(
        m,
        {
          ask1: '-#          ',
          sub1: '^!          ',
          ask2: '        -s| ',
          sub2: '10s      ^! ',
          emit: '10s -(s|)',
        },
        { config },
      );
    }),
  );

  test(
    'never cuts a Retry-After',
    marbles((m) => {
      polls(
        m,
        {
          ask1: '-#         ',
          sub1: '^!         ',
          ask2: '      -s|  ',
          sub2: '- 95s ^!   ',
          emit: '- 95s -(s|)',
        },
        {
          config: { ...prompt, notifier: m.hot('20s n 60s n--') },
          errors: [miss('rate-limited', { retryAfterMs: 95_000 })],
        },
      );
    }),
  );

  test(
    'does not put off an ask that comes sooner anyway',
    marbles((m) => {
      const values = { a: processingTask({ pollAfter: 10_000 }) };
      polls(
        m,
        {
          ask1: 'a--           ',
          sub1: '^ 9999ms !    ',
          ask2: '         s    ',
          sub2: '10s      (^!) ',
          emit: 'a 9999ms (s|) ',
        },
        { values, config: { notifier: m.hot('9998ms nnnn') } },
      );
    }),
  );

  test(
    'may complete: that means nothing',
    marbles((m) => {
      polls(
        m,
        {
          ask1: '-q|         ',
          sub1: '^-!         ',
          ask2: '       -s|  ',
          sub2: '-- 30s ^!   ',
          emit: '-q 30s -(s|)',
        },
        { config: { notifier: m.cold('-|') } },
      );
    }),
  );

  test(
    'that errors ends the stream with its error: in flight, while waiting, and at once',
    marbles((m) => {
      const error = new Error('no more webhooks');
      polls(
        m,
        { ask1: '----q|', sub1: '^--!', emit: '---#' },
        { config: { notifier: m.cold('---#', {}, error) }, error },
      );
      polls(m, { ask1: '-q|', sub1: '^-!', emit: '-q-#' }, { config: { notifier: m.cold('---#', {}, error) }, error });
      polls(m, { ask1: '-q|', emit: '#' }, { config: { notifier: throwError(() => error) }, error });
    }),
  );

  test(
    'is left when polling is over: by its end, by unsubscribing, by the deadline',
    marbles((m) => {
      const [ended, left, late] = [m.hot('---'), m.hot('---'), m.hot('---')];
      const run = (notifier: typeof ended, script: 's' | 'q', deadline = 86_400_000) =>
        scriptedQuery([script]).query('task').pipe(pollUntilTerminal({ notifier, deadline }));
      m.expect(run(ended, 's')).toBeObservable('-(s|)', letters);
      m.expect(run(left, 'q'), '^----!').toBeObservable('-q', letters);
      run(late, 'q', 5_000).subscribe({ error: () => undefined });
      m.expect(ended).toHaveSubscriptions('^!');
      m.expect(left).toHaveSubscriptions('^----!');
      m.expect(late).toHaveSubscriptions('^ 4999ms !');
    }),
  );

  test(
    'may be called from inside next',
    marbles((m) => {
      const notifier = new Subject<void>();
      const { query, log } = scriptedQuery(['q', 'p', 's']);
      listen(query('task').pipe(pollUntilTerminal({ notifier })), () => {
        notifier.next();
        notifier.next();
      });
      m.flush();
      expect(log.filter(({ type }) => type === 'request').map(({ at }) => at)).toEqual([0, 10_000, 20_000]);
    }),
  );
});
