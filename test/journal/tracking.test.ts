import { join } from 'node:path';
import {
  concat,
  config,
  defer,
  EMPTY,
  filter,
  firstValueFrom,
  ignoreElements,
  lastValueFrom,
  map,
  merge,
  mergeMap,
  NEVER,
  Observable,
  of,
  throwError,
  takeWhile,
  tap,
  timer,
  toArray,
} from 'rxjs';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  createJournal,
  createTracker,
  defineProvider,
  isTrackingError,
  memoryJournal,
  resultWindows,
  resultWire,
  xingchaoyiqing,
  type Journal,
  type JournalEntry,
  type JournalStore,
  type KnownTask,
  type TrackedTask,
  type TaskRefFields,
  type TrackerOptions,
} from 'rx-video-tasks';
import { fileJournal } from 'rx-video-tasks/node';
import { resultReply, scriptedTransport } from 'rx-video-tasks/testing';
import { marbles } from '../marbles.js';
import { temporaryFolder } from '../node/children.js';

type Script = Parameters<typeof scriptedTransport>[0];
type Step = Extract<Script, readonly unknown[]>[number];

function scripted(journal: Journal, script: Script, options: Partial<TrackerOptions> = {}) {
  const { transport, log } = scriptedTransport(script, { latency: 0 });
  const provider = xingchaoyiqing({ apiKey: 'test-key-0123456789' });
  const tracker = createTracker({ provider, transport, journal, cadence: 'uniform', random: () => 0, ...options });
  const asks = () => log.filter(({ type }) => type === 'request').map(({ id, at }) => `${id}@${at / 1000}`);
  return { tracker, asks, log };
}

const summaries = <T extends TrackedTask>(task$: Observable<T>) =>
  task$.pipe(map(({ id, status, seq }) => `${id} ${status} ${String(seq)}`));
const TRANSITIONS = { a: 'v queued 1', b: 'v processing 2', c: 'v completed 3' };

/** A store that takes some time for each call, and records its calls. */
function slowStore(ms: { load?: number; save?: number } = {}) {
  const saved: string[] = [];
  const took = (time = 0): Observable<never> => (time > 0 ? timer(time).pipe(map(() => EMPTY as never)) : EMPTY);
  const store: JournalStore = {
    load: () => concat(took(ms.load).pipe(map(() => [])), [[]]),
    save: ({ id, seq, acked }) => {
      saved.push(`${id} ${seq}/${acked}`);
      return took(ms.save);
    },
    remove: ({ id }) => {
      saved.push(`${id} removed`);
      return EMPTY;
    },
    close: () => EMPTY,
  };
  return { store, saved };
}

describe('a tracker with a journal', () => {
  test('that is closed while the journal loads closes the store at once', () => {
    const calls: string[] = [];
    const called = (name: string) => () => {
      calls.push(name);
      return name === 'load' ? NEVER : EMPTY;
    };
    const { transport } = scriptedTransport(['q']);
    const journal = createJournal({
      ...{ load: called('load'), save: called('save'), remove: called('remove'), close: called('close') },
    });
    const tracker = createTracker({ provider: xingchaoyiqing({ apiKey: 'any' }), transport, journal });
    tracker.track('v').subscribe();
    expect(calls).toEqual(['load']);
    tracker.close();
    expect(calls).toEqual(['load', 'close']);
  });

  test(
    'keeps to the very frames of one without, where the journal works at once',
    marbles((m) => {
      const { tracker, asks } = scripted(memoryJournal(), { v: ['q', 'q', 'p', 'p', 's'] });
      m.expect(summaries(tracker.track('v'))).toBeObservable('  a 60001ms b 60001ms (c|)', TRANSITIONS);
      m.flush();
      expect(asks()).toEqual(['v@0', 'v@30.001', 'v@60.002', 'v@90.003', 'v@120.004']);
    }),
  );

  test(
    'asks only when the task is saved, and emits only what is saved',
    marbles((m) => {
      const { store, saved } = slowStore({ load: 5, save: 7 });
      const { tracker, asks } = scripted(createJournal(store), { v: ['q', 's'] });
      m.expect(summaries(tracker.track('v'))).toBeObservable('19ms a 30006ms (c|)', {
        ...TRANSITIONS,
        c: 'v completed 2',
      });
      m.flush();
      expect(asks()).toEqual(['v@0.012', 'v@30.019']);
      expect(saved).toEqual(['v 0/0', 'v 1/0', 'v 1/1', 'v 2/1', 'v 2/2']);
    }),
  );

  test(
    'remembers no more than it says: no key, no query of a URL, no reply',
    marbles((m) => {
      const journal = memoryJournal();
      const url = 'https://user:pass@videos.example.com/a/v.mp4?Expires=1&Signature=secret#part';
      const { tracker } = scripted(journal, { v: [{ status: 'completed', createdAt: 1000, video: { url } }] });
      tracker.track({ id: 'v', model: 'seedance_1_5_pro_480p', hint: 'flex' }).subscribe();
      m.flush();
      expect(journal.entries()).toEqual([
        {
          provider: 'xingchaoyiqing',
          id: 'v',
          model: expect.any(String) as string,
          hint: 'flex',
          createdAt: 1000,
          trackedAt: 0,
          seq: 1,
          acked: 1,
          last: expect.objectContaining({
            status: 'completed',
            url: 'https://videos.example.com/a/v.mp4',
            at: 0,
          }) as object,
        },
      ]);
      expect(JSON.stringify(journal.entries())).not.toMatch(/test-key|secret|pass|Expires/);
    }),
  );
});

describe('resume', () => {
  test(
    'goes on where it was: open tasks are asked, with their numbers; what was delivered does not come again',
    marbles((m) => {
      const journal = memoryJournal();
      const first = scripted(journal, { v: ['q', 'p'], w: ['s'] });
      first.tracker.trackAll(['v', 'w']).subscribe();
      m.scheduler.schedule(() => {
        first.tracker.close();
        const second = scripted(journal, { v: ['p', 's'], w: ['s'] });
        m.expect(summaries(second.tracker.resume())).toBeObservable('70s 30001ms (c|)', TRANSITIONS);
      }, 70_000);
    }),
  );

  test(
    'spreads the first asks over the window',
    marbles((m) => {
      const journal = memoryJournal();
      const ids = ['a', 'b', 'c'];
      const first = scripted(journal, ['q']);
      first.tracker.trackAll(ids).subscribe();
      m.scheduler.schedule(() => {
        first.tracker.close();
        const second = scripted(journal, ['s']);
        second.tracker.resume().subscribe();
        m.scheduler.schedule(() => {
          expect(second.asks()).toEqual(['a@1', 'b@11', 'c@21']);
        }, 60_000);
      }, 1_000);
    }),
  );

  test(
    'brings what was not acknowledged: by hand, with its number and a fresh URL',
    marbles((m) => {
      const journal = memoryJournal();
      const completed = (token: string) =>
        ({ status: 'completed', video: { url: `https://v.example/v?${token}` } }) as const;
      const first = scripted(journal, { v: ['q', completed('old')] });
      const seen: TrackedTask[] = [];
      first.tracker
        .track('v', { ack: 'manual' })
        .pipe(tap((task) => seen.push(task)))
        .subscribe();
      m.flush();
      first.tracker.close();
      expect(journal.entries()).toMatchObject([{ seq: 2, acked: 0 }]);

      const second = scripted(journal, { v: [completed('fresh')] });
      second.tracker
        .resume({ ack: 'manual' })
        .pipe(tap((task) => seen.push(task)))
        .subscribe();
      m.flush();
      expect(seen.map(({ status, seq }) => `${status} ${String(seq)}`)).toEqual([
        'queued 1',
        'completed 2',
        'completed 2',
      ]);
      expect(seen.at(-1)).toMatchObject({ video: { url: 'https://v.example/v?fresh' } });

      void second.tracker.ack(seen.at(-1) as TrackedTask);
      expect(journal.entries()).toMatchObject([{ seq: 2, acked: 2 }]);
      second.tracker.close();
      m.expect(scripted(journal, { v: ['s'] }).tracker.resume()).toBeObservable('30001ms |');
    }),
  );

  test(
    'brings a running transition that was not acknowledged from the journal, whatever its service says by now',
    marbles((m) => {
      const journal = memoryJournal();
      const first = scripted(journal, { v: ['q', { status: 'processing', model: 'm' }, 'never'] });
      first.tracker.track('v', { ack: 'manual' }).subscribe();
      m.scheduler.schedule(() => {
        first.tracker.close();
        const seen: TrackedTask[] = [];
        const second = scripted(journal, { v: ['s'] });
        const task$ = second.tracker.resume().pipe(tap((task) => seen.push(task)));
        m.expect(summaries(task$)).toBeObservable('60s (bc|)', TRANSITIONS);
        m.scheduler.schedule(() => {
          expect(seen[0]).toEqual({
            ...{ provider: 'xingchaoyiqing', id: 'v', status: 'processing', rawStatus: 'processing' },
            ...{ model: 'm', createdAt: 30_000, observedAt: 30_001, seq: 2 },
          });
          expect(journal.entries()).toMatchObject([{ seq: 3, acked: 3 }]);
        }, 10);
      }, 60_000);
      m.flush();
    }),
  );

  test(
    'emits a running transition that could not be stored, with the number of the one before it',
    marbles((m) => {
      let isFull = true;
      const queued: JournalEntry = {
        ...{ provider: 'xingchaoyiqing', id: 'v', trackedAt: 0, seq: 1, acked: 1, last: { status: 'queued', at: 0 } },
      };
      const saved: string[] = [];
      const journal = createJournal({
        load: () => [[queued]],
        save: ({ seq, acked, last }) => {
          if (isFull) return throwError(() => new Error('ENOSPC: no space left on device, write'));
          saved.push(`${last?.status} ${seq}/${acked}`);
          return EMPTY;
        },
        remove: () => EMPTY,
        close: () => EMPTY,
      });
      const { tracker } = scripted(journal, { v: ['q', 'p', 'p', 's'] });
      m.scheduler.schedule(() => (isFull = false), 40_000);
      m.expect(summaries(tracker.resume())).toBeObservable('30001ms b 60001ms (c|)', {
        b: 'v processing 1',
        c: 'v completed 3',
      });
      m.flush();
      expect(saved).toEqual(['processing 2/1', 'completed 3/1', 'completed 3/3']);
    }),
  );

  test(
    'a completed task that could not be asked about comes again the next time: its loss acknowledges nothing',
    marbles((m) => {
      const journal = memoryJournal();
      const first = scripted(journal, { v: ['s'] });
      first.tracker.track('v', { ack: 'manual' }).subscribe();
      m.flush();
      first.tracker.close();

      const second = scripted(journal, { v: ['unauthorized'] });
      second.tracker.resume().subscribe();
      m.flush();
      second.tracker.close();
      expect(journal.entries()).toMatchObject([{ seq: 1, acked: 0 }]);

      const seen: string[] = [];
      const third = scripted(journal, { v: ['s'] });
      summaries(third.tracker.resume())
        .pipe(tap((word) => seen.push(word)))
        .subscribe();
      m.flush();
      expect(seen).toEqual(['v completed 1']);
    }),
  );

  test(
    'what was being saved at the deadline is not acknowledged: it was not delivered',
    marbles((m) => {
      const { store, saved } = slowStore({ save: 10_000 });
      const { tracker } = scripted(createJournal(store), { v: ['q', 's'] }, { deadline: 55_000 });
      const status$ = tracker.trackAll(['v']).pipe(map(({ status }) => status));
      m.expect(status$).toBeObservable('20s q 34999ms (d|)', { q: 'queued', d: 'lost' });
      m.flush();
      expect(saved).toEqual(['v 0/0', 'v 1/0', 'v 1/1', 'v 2/1']);
    }),
  );

  test(
    'leaves out what is forgotten before its turn',
    marbles((m) => {
      const journal = memoryJournal();
      const first = scripted(journal, ['q']);
      first.tracker.trackAll(['a', 'b']).subscribe();
      first.tracker.close();
      const second = scripted(journal, ['p']);
      second.tracker.resume().subscribe();
      m.scheduler.schedule(() => void second.tracker.forget('b'), 1_000);
      m.scheduler.schedule(() => {
        expect(second.asks().join(' ')).not.toContain('b@');
        expect(journal.entries().map(({ id }) => id)).toEqual(['a']);
        second.tracker.close();
      }, 60_000);
      m.flush();
    }),
  );

  test(
    'a subscriber that leaves has acknowledged what it received, and nothing that comes later',
    marbles((m) => {
      const journal = memoryJournal();
      const { tracker } = scripted(journal, { v: ['q', 'p', 's'] });
      const processing = tracker.track('v').pipe(takeWhile(({ status }) => status === 'queued', true));
      m.expect(summaries(processing)).toBeObservable('a 30s (b|)', TRANSITIONS);
      m.flush();
      expect(journal.entries()).toMatchObject([{ seq: 2, acked: 2, last: { status: 'processing' } }]);
    }),
  );

  test('after retention a task arrives as lost, expired; once delivered, no more', async () => {
    const journal = memoryJournal();
    const yesterday = Date.now() - 90_000_000;
    const first = scripted(journal, { v: ['q'] });
    await firstValueFrom(first.tracker.track({ id: 'v', createdAt: yesterday }));
    first.tracker.close();
    expect(journal.entries()).toMatchObject([{ createdAt: yesterday, seq: 1, acked: 1 }]);

    const resumed = async () => {
      const { tracker } = scripted(journal, { v: ['not-found'] });
      const transitions = await lastValueFrom(tracker.resume().pipe(toArray()));
      tracker.close();
      return transitions;
    };
    expect(await resumed()).toMatchObject([{ status: 'lost', id: 'v', error: { reason: 'expired' } }]);
    expect(journal.entries()).toMatchObject([{ seq: 2, acked: 2, last: { status: 'lost' } }]);
    expect(await resumed()).toEqual([]);
  });

  test(
    'a lost task that was given up and is tracked again comes back after a crash, with numbers that go on',
    marbles((m) => {
      const journal = memoryJournal();
      const first = scripted(journal, { v: ['q', 'unauthorized'] });
      first.tracker
        .trackAll(['v'])
        .pipe(
          filter(({ status }) => status === 'lost'),
          mergeMap((lost) => first.tracker.ack(lost)),
        )
        .subscribe();
      m.flush();
      first.tracker.close();
      expect(journal.entries()).toMatchObject([{ seq: 2, acked: 2, last: { status: 'lost' } }]);

      const second = scripted(journal, { v: ['never'] });
      second.tracker.track('v').subscribe();
      second.tracker.close();

      const third = scripted(journal, { v: ['s'] });
      const seen: string[] = [];
      summaries(third.tracker.resume())
        .pipe(tap((word) => seen.push(word)))
        .subscribe();
      m.flush();
      expect(seen).toEqual(['v completed 3']);
    }),
  );

  test(
    'a task of a provider that is not here any more arrives as lost, and stays in the journal',
    marbles((m) => {
      const journal = memoryJournal();
      const first = scripted(journal, { v: ['q'] });
      first.tracker.track('v').subscribe();
      m.scheduler.schedule(() => {
        first.tracker.close();
        const provider = xingchaoyiqing({ apiKey: 'test-key-0123456789', name: 'other' });
        const second = createTracker({ provider, journal, transport: () => NEVER });
        const seen: TrackedTask[] = [];
        second
          .resume()
          .pipe(tap((task) => seen.push(task)))
          .subscribe();
        expect(seen).toMatchObject([{ status: 'lost', id: 'v', provider: 'xingchaoyiqing' }]);
        expect(journal.entries()).toHaveLength(1);
        void second.ack(seen[0] as TrackedTask);
        expect(journal.entries()).toMatchObject([{ last: { status: 'lost' } }]);
      }, 1_000);
      m.flush();
    }),
  );

  test(
    'closing ends it, also for what is not due yet',
    marbles((m) => {
      const journal = memoryJournal();
      const first = scripted(journal, ['q']);
      first.tracker.trackAll(['a', 'b']).subscribe();
      first.tracker.close();
      const { tracker, asks } = scripted(journal, ['never']);
      m.scheduler.schedule(() => {
        tracker.close();
      }, 5);
      m.expect(tracker.resume()).toBeObservable('-----|');
      m.flush();
      expect(asks()).toEqual(['a@0']);
    }),
  );

  test('without a journal it says what to write', () => {
    const tracker = createTracker({ provider: xingchaoyiqing({ apiKey: 'k1234567' }) });
    expect(() => tracker.resume()).toThrow('write createTracker({ journal })');
    expect(() => tracker.ack({} as TrackedTask)).toThrow('write createTracker({ journal })');
  });
});

describe('close', () => {
  test.each([
    ['next', 0, ['v completed 1']],
    ['complete', 1, []],
  ] as const)('inside %s of the end: it is acknowledged up to %i', (callback, acked, again) => {
    marbles((m) => {
      const journal = memoryJournal();
      const first = scripted(journal, { v: ['s'] });
      const end = () => {
        first.tracker.close();
      };
      first.tracker
        .track('v')
        .pipe(tap({ [callback]: end }))
        .subscribe();
      m.flush();
      expect(journal.entries()).toMatchObject([{ seq: 1, acked }]);
      const seen: string[] = [];
      const second = scripted(journal, { v: ['s'] });
      summaries(second.tracker.resume())
        .pipe(tap((word) => seen.push(word)))
        .subscribe();
      m.flush();
      expect(seen).toEqual(again);
    })();
  });
});

describe('a later ref', () => {
  const provider = 'xingchaoyiqing';
  const createdAt = 1_700_000_000_000;

  const processing = (model?: string): Step => {
    const { body, ...reply } = resultReply({ id: 'v', status: 'processing' });
    return of({ ...reply, body: JSON.stringify({ ...(JSON.parse(body) as object), model }) });
  };

  /** Tracks a task with each of the refs, one process after the other, and returns its entry. */
  function entryAfter(refs: readonly TaskRefFields[], answer: Step) {
    const journal = memoryJournal();
    for (const ref of refs) {
      const { tracker } = scripted(journal, { v: [answer] });
      tracker.track(ref).subscribe();
      tracker.close();
    }
    return journal.entries()[0];
  }

  test(
    'adds its fields to the entry, and wins where both have one',
    marbles(() => {
      const all = { id: 'v', model: 'a', hint: 'flex', createdAt };
      const refs = [{ id: 'v' }, all, { id: 'v', hint: 'b' }, { id: 'v' }];
      expect(entryAfter(refs, 'never')).toMatchObject({ model: 'a', hint: 'b', createdAt, seq: 0 });
      const changed = [...refs, { id: 'v', model: 'c', createdAt: createdAt + 1 }];
      expect(entryAfter(changed, 'never')).toMatchObject({ model: 'c', hint: 'b', createdAt: createdAt + 1 });
      expect(entryAfter(refs, processing())).toMatchObject({ model: 'a', hint: 'b', createdAt, seq: 1 });
    }),
  );

  test(
    'changes no model that an answer has named',
    marbles(() => {
      const refs = [
        { id: 'v', model: 'a' },
        { id: 'v', model: 'c' },
      ];
      expect(entryAfter(refs, processing('b'))).toMatchObject({ model: 'b', seq: 1 });
    }),
  );

  test('that resume makes adds nothing', async () => {
    const journal = memoryJournal();
    const first = scripted(journal, { v: ['never'] });
    first.tracker.track('v').subscribe();
    first.tracker.close();
    const before = journal.entries();
    expect(before).toEqual([{ provider, id: 'v', trackedAt: expect.any(Number) as number, seq: 0, acked: 0 }]);
    const { tracker, asks } = scripted(journal, { v: ['never'] }, { interval: 10, minInterval: 10 });
    tracker.resume().subscribe();
    await firstValueFrom(timer(50));
    expect(asks()).toHaveLength(1);
    tracker.close();
    expect(journal.entries()).toEqual(before);
  });
});

describe('forget', () => {
  test(
    'ends the streams of the task and drops it from memory and journal',
    marbles((m) => {
      const journal = memoryJournal();
      const { tracker } = scripted(journal, { v: ['q'], w: ['q'] });
      m.expect(summaries(tracker.track('v'))).toBeObservable('a----|', TRANSITIONS);
      tracker.track('w').subscribe();
      m.scheduler.schedule(() => {
        void tracker.forget('v');
        expect(journal.entries().map(({ id }) => id)).toEqual(['w']);
        tracker.close();
      }, 5);
    }),
  );

  test(
    'a task tracked again at once is saved again before it is asked about',
    marbles((m) => {
      const { store, saved } = slowStore({ save: 100 });
      const { tracker, asks } = scripted(createJournal(store), { v: ['q'] });
      tracker.track('v').subscribe();
      m.scheduler.schedule(() => {
        // Its first transition was delivered, and the acknowledgement is being saved.
        expect(saved).toEqual(['v 0/0', 'v 1/0', 'v 1/1']);
        void tracker.forget('v');
        tracker.track('v').subscribe();
      }, 250);
      m.scheduler.schedule(() => {
        expect(saved.slice(3)).toEqual(['v removed', 'v 0/0', 'v 1/0', 'v 1/1']);
        // Its floor is not forgotten.
        expect(asks()).toEqual(['v@0.1', 'v@10.2']);
        tracker.close();
      }, 11_000);
      m.flush();
    }),
  );

  test(
    'of a task that is tracked again by hand while the journal loads: only ack acknowledges it',
    marbles((m) => {
      const { store, saved } = slowStore({ load: 5 });
      const { tracker } = scripted(createJournal(store), { v: ['s'] });
      void tracker.forget('v');
      m.expect(summaries(tracker.track('v', { ack: 'manual' }))).toBeObservable('5ms (c|)', { c: 'v completed 1' });
      m.flush();
      expect(saved).toEqual(['v 0/0', 'v 1/0']);
    }),
  );

  test(
    'of a task that is tracked again by hand while another write is in progress: only ack acknowledges it',
    marbles((m) => {
      const { store, saved } = slowStore({ save: 100 });
      const { tracker } = scripted(createJournal(store), { v: ['q', 's'] });
      const seen: TrackedTask[] = [];
      const track = () =>
        tracker
          .track('v', { ack: 'manual' })
          .pipe(tap((task) => seen.push(task)))
          .subscribe();
      track();
      m.scheduler.schedule(() => {
        void tracker.ack(seen[0] as TrackedTask);
        void tracker.forget('v');
        track();
      }, 250);
      m.flush();
      expect(seen.map(({ status, seq }) => `${status} ${String(seq)}`)).toEqual(['queued 1', 'completed 1']);
      expect(saved).toEqual(['v 0/0', 'v 1/0', 'v 1/1', 'v removed', 'v 0/0', 'v 1/0']);
    }),
  );
});

describe('ack', () => {
  test(
    'of a task that this process has not tracked yet, too',
    marbles((m) => {
      const journal = memoryJournal();
      const first = scripted(journal, { v: ['s'] });
      const seen: TrackedTask[] = [];
      first.tracker
        .track('v', { ack: 'manual' })
        .pipe(tap((task) => seen.push(task)))
        .subscribe();
      m.flush();
      first.tracker.close();
      const second = scripted(journal, {});
      m.expect(second.tracker.ack(seen[0] as TrackedTask)).toBeObservable('|');
      expect(journal.entries()).toMatchObject([{ seq: 1, acked: 1 }]);
    }),
  );

  test('after close the journal is not opened again, and nothing completes as durable', async () => {
    const loads: string[] = [];
    const store: JournalStore = {
      load: () => {
        loads.push('load');
        return [[]];
      },
      save: () => EMPTY,
      remove: () => EMPTY,
      close: () => EMPTY,
    };
    const { tracker } = scripted(createJournal(store), {});
    const resumed = tracker.resume();
    tracker.close();
    expect(await lastValueFrom(resumed.pipe(toArray()))).toEqual([]);
    await expect(lastValueFrom(tracker.forget('v'))).rejects.toThrow('the journal is closed');
    const task = { id: 'v', provider: 'xingchaoyiqing', status: 'queued', seq: 1 } as TrackedTask;
    await expect(lastValueFrom(tracker.ack(task))).rejects.toThrow('the journal is closed');
    expect(loads).toEqual([]);
  });
});

describe('D9 one journal object, one tracker after the other', () => {
  test(
    'D9 a tracker made right after close waits until the journal is released',
    marbles((m) => {
      const calls: string[] = [];
      const note = (call: string, ms: number) =>
        defer(() => {
          calls.push(call);
          return timer(ms).pipe(ignoreElements());
        });
      const journal = createJournal({
        load: () => concat(note('load', 1), [[]]),
        save: ({ seq, acked }) => note(`save ${seq}/${acked}`, 10),
        remove: () => EMPTY,
        close: () => note('close', 100),
      });
      const first = scripted(journal, { v: ['q'] });
      first.tracker.track('v').subscribe();
      m.scheduler.schedule(() => {
        first.tracker.close();
        const second = scripted(journal, { v: ['p'] });
        second.tracker.track('v').subscribe();
        second.tracker.close();
        const third = scripted(journal, { v: ['s'] });
        m.expect(summaries(third.tracker.track('v'))).toBeObservable('142ms (c|)', { c: 'v completed 1' });
      }, 15);
      m.flush();
      const session = ['load', 'save 0/0', 'save 1/0', 'save 1/1'];
      // The first was closed while it stored its first transition; the second while it waited for the first, so it did
      // not open the store.
      expect(calls).toEqual(['load', 'save 0/0', 'save 1/0', 'close', ...session]);
    }),
  );

  test.each(['after a transition', 'at once'])('D9 close %s and open, twenty times, with fileJournal', async (when) => {
    const journal = fileJournal(join(temporaryFolder(), 'tasks.journal'));
    for (let round = 0; round < 20; round++) {
      const { tracker } = scripted(journal, ['q']);
      const transition = firstValueFrom(tracker.track(`v${round}`), { defaultValue: undefined });
      if (when === 'after a transition') expect(await transition).toMatchObject({ status: 'queued' });
      tracker.close();
    }
    const { tracker } = scripted(journal, ['s']);
    expect(await firstValueFrom(tracker.track('last'))).toMatchObject({ id: 'last', status: 'completed' });
    tracker.close();
  });

  test('D9 a second tracker on an open journal is refused, and the first is not disturbed', async () => {
    const journal = fileJournal(join(temporaryFolder(), 'tasks.journal'));
    const first = scripted(journal, ['q']);
    expect(() => scripted(journal, ['q'])).toThrow('another tracker uses this journal object; close() that tracker');
    expect(await firstValueFrom(first.tracker.track('v'))).toMatchObject({ seq: 1 });
    first.tracker.close();
  });

  test('D9 what ack accepted before close becomes durable, also while the journal is being loaded', async () => {
    const saved: string[] = [];
    const row = { provider: 'xingchaoyiqing', id: 'v', trackedAt: 1, seq: 1, acked: 0 };
    const journal = createJournal({
      load: () => timer(20).pipe(map(() => [row])),
      save: ({ acked }) =>
        timer(20).pipe(
          tap(() => saved.push(`acked ${acked}`)),
          ignoreElements(),
        ),
      remove: () => EMPTY,
      close: () => {
        saved.push('closed');
        return EMPTY;
      },
    });
    const { tracker } = scripted(journal, ['q']);
    const acked = tracker.ack({ id: 'v', provider: 'xingchaoyiqing', status: 'queued', seq: 1 } as TrackedTask);
    tracker.close();
    await lastValueFrom(acked, { defaultValue: undefined });
    expect(saved).toEqual(['acked 1', 'closed']);
  });
});

describe('tasks', () => {
  test(
    'lists what resume would bring back, as refs, and polls and acknowledges nothing',
    marbles((m) => {
      const journal = memoryJournal();
      const model = 'seedance_1_5_pro_720p';
      const first = scripted(journal, { open: ['q'], done: ['s'], unacknowledged: ['s'] });
      first.tracker.track({ id: 'open', model, hint: 'flex', createdAt: 1_700_000_000_000 }).subscribe();
      first.tracker.track('done').subscribe();
      first.tracker.track('unacknowledged', { ack: 'manual' }).subscribe();
      m.scheduler.schedule(() => {
        first.tracker.close();
        const before = journal.entries();
        const session = journal.open();
        const provider = 'xingchaoyiqing';
        const open = { provider, id: 'open', model, hint: 'flex', createdAt: 1_700_000_000_000 };
        const known = [open, expect.objectContaining({ provider, id: 'unacknowledged' })];
        m.expect(session.tasks()).toBeObservable('10ms (a|)', { a: known as unknown as KnownTask[] });
        m.scheduler.schedule(() => {
          expect(journal.entries()).toEqual(before);
          session.close();
        }, 1);
      }, 10);
    }),
  );

  test('errors if the journal cannot be read', async () => {
    const load = () => throwError(() => new Error('no such table: tasks'));
    const journal = createJournal({ load, save: () => EMPTY, remove: () => EMPTY, close: () => EMPTY });
    await expect(lastValueFrom(journal.open().tasks())).rejects.toThrow('no such table: tasks');
  });
});

describe('a subscriber whose next throws', () => {
  // RxJS reports such an error in a timer of its own, and goes on as if next had returned.
  const reports = () => {
    const errors: string[] = [];
    config.onUnhandledError = (error) => errors.push(String(error));
    onTestFinished(() => {
      config.onUnhandledError = null;
    });
    return errors;
  };

  test.each([
    ['auto', 1],
    ['manual', 0],
  ] as const)('with ack: %s the transition is acknowledged up to %i', async (ack, acked) => {
    const errors = reports();
    const journal = memoryJournal();
    const { tracker } = scripted(journal, { v: ['s'] });
    await new Promise<void>((complete) => {
      tracker.track('v', { ack }).subscribe({
        next: (task) => {
          if (task.status === 'completed') throw new Error('the database is down');
          void tracker.ack(task);
        },
        error: complete,
        complete,
      });
    });
    await firstValueFrom(timer(1));
    tracker.close();
    expect(errors).toEqual(['Error: the database is down']);
    expect(journal.entries()).toMatchObject([{ seq: 1, acked }]);
    const again = scripted(journal, { v: ['s'] });
    const transitions = await lastValueFrom(again.tracker.resume().pipe(toArray()));
    expect(transitions.map(({ seq }) => seq)).toEqual(ack === 'manual' ? [1] : []);
  });
});

describe('old entries', () => {
  const DAY = 86_400_000;
  const HOUR = DAY / 24;

  test(
    'a task whose end was acknowledged is removed a day later',
    marbles((m) => {
      const journal = memoryJournal();
      const { tracker } = scripted(journal, ['s']);
      tracker.track('old').subscribe();
      const again = timer(DAY + 1).pipe(mergeMap(() => tracker.track('new')));
      m.expect(summaries(again)).toBeObservable('86400001ms (a|)', { a: 'new completed 1' });
      m.flush();
      expect(journal.entries().map(({ id }) => id)).toEqual(['new']);
    }),
  );

  test(
    'whatever the order in which they were stored or acknowledged',
    marbles((m) => {
      const journal = memoryJournal();
      const { tracker } = scripted(journal, ['s']);
      const late: TrackedTask[] = [];
      tracker
        .track('acknowledged late', { ack: 'manual' })
        .pipe(tap((task) => late.push(task)))
        .subscribe();
      const at = (ms: number, work: () => void) => m.scheduler.schedule(work, ms);
      at(20 * HOUR, () => void tracker.track('young').subscribe());
      at(21 * HOUR, () => void tracker.ack(late[0] as TrackedTask));
      at(DAY + HOUR, () => void tracker.track('new').subscribe());
      m.flush();
      expect(journal.entries().map(({ id }) => id)).toEqual(['young', 'new']);
    }),
  );

  test(
    'also when a journal is opened, whatever the order in which its store gives them',
    marbles((m) => {
      const removed: string[] = [];
      const entry = (id: string, at: number): JournalEntry => ({
        ...{ provider: 'xingchaoyiqing', id, trackedAt: 0, seq: 1, acked: 1, last: { status: 'completed', at } },
      });
      const store: JournalStore = {
        load: () => [[entry('young', 2 * HOUR), entry('old', HOUR)]],
        save: () => EMPTY,
        remove: ({ id }) => {
          removed.push(id);
          return EMPTY;
        },
        close: () => EMPTY,
      };
      m.scheduler.schedule(() => {
        const { tracker } = scripted(createJournal(store), ['s']);
        tracker.resume().subscribe();
        tracker.close();
      }, DAY + HOUR);
      m.flush();
      expect(removed).toEqual(['old']);
    }),
  );

  describe('of a task that is tracked again', () => {
    const ended: JournalEntry = {
      ...{ provider: 'xingchaoyiqing', id: 'v', trackedAt: 0, seq: 3, acked: 3, last: { status: 'completed', at: 0 } },
    };
    const loading = () => {
      const removed: string[] = [];
      const rows = new Map([[ended.id, ended]]);
      const journal = createJournal({
        load: () => timer(5).pipe(map(() => [...rows.values()])),
        save: (entry) => {
          rows.set(entry.id, entry);
          return EMPTY;
        },
        remove: ({ id }) => {
          removed.push(id);
          rows.delete(id);
          return EMPTY;
        },
        close: () => EMPTY,
      });
      return { journal, rows, removed };
    };

    test.each([
      ['auto', 4],
      ['manual', 3],
    ] as const)('stay, with numbers that go on; with ack: %s acknowledged up to %i', (ack, acked) => {
      marbles((m) => {
        const { journal, rows, removed } = loading();
        m.scheduler.schedule(() => {
          const { tracker } = scripted(journal, { v: ['s'] });
          const task$ = merge(tracker.resume({ ack }), tracker.track('v', { ack }));
          m.expect(summaries(task$)).toBeObservable('86400000ms 5ms (c|)', { c: 'v completed 4' });
        }, DAY);
        m.flush();
        expect(removed).toEqual([]);
        expect([...rows.values()]).toMatchObject([{ trackedAt: 0, seq: 4, acked, last: { status: 'completed' } }]);
      })();
    });

    test(
      'stay while a task that is acknowledged by hand waits for its first poll',
      marbles((m) => {
        const { journal, removed } = loading();
        m.scheduler.schedule(() => {
          const { tracker } = scripted(journal, { v: ['s'] }, { initialDelay: HOUR });
          const task$ = tracker.track('v', { ack: 'manual' });
          m.expect(summaries(task$)).toBeObservable('90000000ms (c|)', { c: 'v completed 4' });
          void tracker.forget('another');
        }, DAY);
        m.flush();
        expect(removed).toEqual([]);
      }),
    );

    test(
      'come back after a crash',
      marbles((m) => {
        const { journal } = loading();
        m.scheduler.schedule(() => {
          const first = scripted(journal, { v: ['never'] });
          first.tracker.track('v').subscribe();
          m.scheduler.schedule(() => {
            first.tracker.close();
            const second = scripted(journal, { v: ['s'] });
            m.expect(summaries(second.tracker.resume())).toBeObservable('86400010ms 5ms (c|)', { c: 'v completed 4' });
          }, 10);
        }, DAY);
        m.flush();
      }),
    );
  });

  test(
    'are kept as long as the service keeps its records, so that no number is used twice',
    marbles((m) => {
      m.scheduler.maxFrames = 10 * DAY;
      const journal = memoryJournal();
      const provider = defineProvider({
        ...{ name: 'week', baseUrl: 'https://video.example', wire: resultWire, windows: resultWindows },
        retention: 7 * DAY,
      })({ apiKey: 'test-key-0123456789' });
      const run = (at: number, id: string) =>
        m.scheduler.schedule(() => {
          const { tracker } = scripted(journal, ['s'], { provider });
          tracker.track(id).subscribe();
          m.scheduler.schedule(() => {
            tracker.close();
          }, 10);
        }, at);
      run(0, 'v');
      run(2 * DAY, 'w');
      m.scheduler.schedule(
        () => {
          const { tracker } = scripted(journal, ['f'], { provider });
          m.expect(summaries(tracker.track('v'))).toBeObservable('172801000ms (a|)', { a: 'v failed 2' });
          m.scheduler.schedule(() => {
            tracker.close();
          }, 10);
        },
        2 * DAY + 1_000,
      );
      run(8 * DAY, 'x');
      m.scheduler.schedule(
        () => {
          expect(journal.entries().map(({ id }) => id)).toEqual(['v', 'w', 'x']);
        },
        8 * DAY + 100,
      );
      run(9.5 * DAY, 'y');
      m.scheduler.schedule(
        () => {
          expect(journal.entries().map(({ id }) => id)).toEqual(['x', 'y']);
        },
        9.5 * DAY + 100,
      );
      m.flush();
    }),
  );

  test(
    'an acknowledgement does not look at all tasks',
    marbles((m) => {
      const looks: number[] = [];
      for (const count of [10, 1_000]) {
        let read = 0;
        const entries = Array.from({ length: count }, (_, nth): JournalEntry => ({
          ...{ provider: 'xingchaoyiqing', id: `old-${nth}`, trackedAt: 0, seq: 1 },
          get acked() {
            read++;
            return 1;
          },
          last: { status: 'completed', at: 0 },
        }));
        const store = { load: () => [entries], save: () => EMPTY, remove: () => EMPTY, close: () => EMPTY };
        const { tracker } = scripted(createJournal(store), ['s']);
        const ids = Array.from({ length: 100 }, (_, nth) => `v${nth}`);
        tracker.trackAll(ids).subscribe();
        const loaded = read;
        m.scheduler.schedule(() => {
          looks.push(read - loaded);
          tracker.close();
        }, HOUR / 2);
      }
      m.flush();
      expect(looks).toEqual([0, 0]);
    }),
  );
});

describe('D3 a store that fails', () => {
  const full = () => throwError(() => new Error('ENOSPC: no space left on device, write'));

  function failing() {
    let isFull = false;
    const rows = new Map<string, JournalEntry>();
    const store: JournalStore = {
      load: () => [[...rows.values()]],
      save: (entry) => {
        if (isFull) return full();
        rows.set(entry.id, entry);
        return EMPTY;
      },
      remove: () => EMPTY,
      close: () => EMPTY,
    };
    return {
      journal: createJournal(store),
      rows,
      fill: (is: boolean) => {
        isFull = is;
      },
    };
  }

  test(
    'D3 track errors with reason journal, running streams go on, a terminal is not emitted',
    marbles((m) => {
      const { journal, rows, fill } = failing();
      const { tracker, asks } = scripted(journal, { v: ['q', 'p', 's'], w: ['q'] });
      const emitted: string[] = [];
      const reasons: string[] = [];
      const reasonOf = (error: unknown) => {
        if (isTrackingError(error)) reasons.push(`${error.id} ${error.reason}: ${error.message}`);
      };
      tracker.track('v').subscribe({
        next: ({ status, seq }) => emitted.push(`${status} ${String(seq)}`),
        error: reasonOf,
      });
      m.scheduler.schedule(() => {
        fill(true);
        tracker.track('w').subscribe({ error: reasonOf });
      }, 10_000);
      m.flush();
      // A transition that could not be stored uses up no number.
      expect(emitted).toEqual(['queued 1', 'processing 1']);
      expect(reasons).toMatchObject([
        expect.stringMatching(/^w journal: .*\[journal\]: the journal could not store it: ENOSPC/),
        expect.stringMatching(/^v journal: .*ENOSPC/),
      ]);
      expect(asks()).toEqual(['v@0', 'v@30.001', 'v@60.002']);
      expect([...rows.keys()]).toEqual(['v']);

      tracker.close();
      fill(false);
      const second = scripted(journal, { v: ['s'] });
      const again: string[] = [];
      summaries(second.tracker.resume())
        .pipe(tap((word) => again.push(word)))
        .subscribe();
      m.flush();
      expect(again).toEqual(['v completed 2']);
    }),
  );

  test('D3 a journal that cannot be read', async () => {
    const store: JournalStore = { load: full, save: () => EMPTY, remove: () => EMPTY, close: () => EMPTY };
    const { tracker, asks } = scripted(createJournal(store), ['q']);
    const [lost] = await lastValueFrom(tracker.trackAll(['v']).pipe(toArray()));
    expect(lost).toMatchObject({ status: 'lost', error: { reason: 'journal' } });
    expect(lost?.status === 'lost' && lost.error.message).toMatch(/ENOSPC.*it may still be running: track it again/is);
    await expect(lastValueFrom(tracker.resume())).rejects.toThrow('ENOSPC');
    expect(asks()).toEqual([]);
  });

  test.each<[unknown, string]>([
    [undefined, 'undefined'],
    ['no table', 'no table'],
    [Object.assign(Object.create(null) as object, { code: 500 }), '[object Object]'],
  ])('D3 a store that errors with no Error, %o', async (reason, message) => {
    // eslint-disable-next-line rxjs-x/throw-error -- what a store may do
    const load = () => throwError(() => reason);
    const store: JournalStore = { load, save: () => EMPTY, remove: () => EMPTY, close: () => EMPTY };
    const { tracker } = scripted(createJournal(store), ['q']);
    const [lost] = await lastValueFrom(tracker.trackAll(['v']).pipe(toArray()));
    expect(lost).toMatchObject({
      ...{ status: 'lost', id: 'v' },
      error: { reason: 'journal', message: expect.stringContaining(`could not store it: ${message} (`) as string },
    });
  });
});
