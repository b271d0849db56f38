import { pollUntilTerminal } from 'rx-video-tasks';
import { describe, expect, test } from 'vitest';
import { marbles } from '../marbles.js';
import { miss, polls, prompt } from './polls.js';

// Most diagrams begin at 0, where a time and a duration look the same.
describe('subscribed to a minute and a half later', () => {
  const from = '90s ^';

  test(
    'a deadline in ms counts from there',
    marbles((m) => {
      polls(
        m,
        {
          ask1: '     -q|             ',
          sub1: '90s  ^-!             ',
          emit: '90s  -q 19998ms #    ',
        },
        { config: { deadline: 20_000 }, error: { reason: 'deadline', misses: 0, last: 'queued' }, from },
      );
    }),
  );

  test(
    'a deadline that is a date is that date',
    marbles((m) => {
      polls(
        m,
        {
          ask1: '     -q|             ',
          sub1: '90s  ^-!             ',
          emit: '90s  -q 19998ms #    ',
        },
        { config: { deadline: new Date(110_000) }, error: { reason: 'deadline', misses: 0, last: 'queued' }, from },
      );
    }),
  );

  test(
    'what is not found is given its grace from there',
    marbles((m) => {
      polls(
        m,
        {
          ask1: '   -#                        ',
          sub1: '90s ^!                       ',
          ask2: '   -#                        ',
          sub2: '90s - 30s ^!                 ',
          ask3: '   -#                        ',
          sub3: '90s - 30s - 30s ^!           ',
          ask4: '   -s|                       ',
          sub4: '90s - 30s - 30s - 30s ^!     ',
          emit: '90s - 30s - 30s - 30s -(s|)  ',
        },
        { config: prompt, errors: Array.from({ length: 3 }, () => miss('not-found')), from },
      );
    }),
  );
});

test(
  'not found twice after the grace, however far apart, ends nothing',
  marbles((m) => {
    polls(
      m,
      {
        ask1: '-q|                                 ',
        sub1: '^-!                                 ',
        ask2: '-#                                  ',
        sub2: '-- 100s ^!                          ',
        ask3: '-#                                  ',
        sub3: '-- 100s - 100s ^!                   ',
        ask4: '-s|                                 ',
        sub4: '-- 100s - 100s - 100s ^!            ',
        emit: '-q 100s - 100s - 100s -(s|)         ',
      },
      { config: { ...prompt, interval: 100_000 }, errors: [undefined, miss('not-found'), miss('not-found')] },
    );
  }),
);

test('a deadline that is a date of today is taken', () => {
  expect(() => pollUntilTerminal({ deadline: new Date(Date.now() + 3_600_000) })).not.toThrow();
});
