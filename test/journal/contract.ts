import { defer, from, lastValueFrom, type ObservableInput } from 'rxjs';
import type { JournalEntry, JournalStore } from 'rx-video-tasks';
import { describe, expect, test } from 'vitest';

export interface StoreKind {
  /** A new, empty place to keep entries in, as something that opens it. */
  readonly place: () => Promise<() => JournalStore>;
}

/** What every store does. Run it on your own: `storeContract({ place })`. */
export function storeContract({ place }: StoreKind): void {
  const done = (work: ObservableInput<unknown>) =>
    lastValueFrom(
      defer(() => from(work)),
      { defaultValue: undefined },
    );
  const load = async (store: JournalStore) =>
    [...(await lastValueFrom(from(store.load())))].sort((a, b) => (a.id < b.id ? -1 : 1));
  const entry = (id: string, over: Partial<JournalEntry> = {}): JournalEntry => ({
    ...{ provider: 'alad', id, trackedAt: 1_700_000_000_000, seq: 0, acked: 0 },
    ...over,
  });
  const reopened = async (open: () => JournalStore, store: JournalStore) => {
    await done(store.close());
    const again = open();
    const entries = await load(again);
    await done(again.close());
    return entries;
  };

  describe('a store', () => {
    test('is empty at first', async () => {
      const open = await place();
      const store = open();
      expect(await load(store)).toEqual([]);
      expect(await reopened(open, store)).toEqual([]);
    });

    test('gives back what was saved, each entry once, as it was saved last', async () => {
      const open = await place();
      const store = open();
      await load(store);
      const last = { status: 'processing', rawStatus: 'IN_PROGRESS', progress: 50, at: 1_700_000_000_001 } as const;
      const described = { model: 'm', hint: 'flex', createdAt: 1_700_000_000_000, retention: 172_800_000 };
      const whole = entry('b', { ...described, seq: 2, acked: 1, last });
      await done(store.save(entry('a')));
      await done(store.save(entry('b')));
      await done(store.save(whole));
      expect(await reopened(open, store)).toEqual([entry('a'), whole]);
    });

    test('distinguishes tasks by provider and id together', async () => {
      const open = await place();
      const store = open();
      await load(store);
      await done(store.save(entry('a', { seq: 1 })));
      await done(store.save(entry('a', { provider: 'mingyan', seq: 2 })));
      await done(store.remove({ provider: 'alad', id: 'a' }));
      expect(await reopened(open, store)).toEqual([entry('a', { provider: 'mingyan', seq: 2 })]);
    });

    test('forgets what was removed, and takes it again', async () => {
      const open = await place();
      const store = open();
      await load(store);
      await done(store.save(entry('a', { seq: 1 })));
      await done(store.remove({ provider: 'alad', id: 'a' }));
      await done(store.remove({ provider: 'alad', id: 'never there' }));
      await done(store.save(entry('b')));
      await done(store.remove({ provider: 'alad', id: 'b' }));
      await done(store.save(entry('b', { seq: 7 })));
      expect(await reopened(open, store)).toEqual([entry('b', { seq: 7 })]);
    });

    test.each(['ünï/code 😀', 'a"b\\c', "'; drop table tasks", '%2e%2e', 'x'.repeat(256), 'null', '{"json":1}'])(
      'keeps the id %s as it is',
      async (id) => {
        const open = await place();
        const store = open();
        await load(store);
        await done(store.save(entry(id)));
        expect(await reopened(open, store)).toEqual([entry(id)]);
      },
    );

    test('takes many at once', async () => {
      const open = await place();
      const store = open();
      await load(store);
      const many = Array.from({ length: 1000 }, (_, n) => entry(String(n).padStart(4, '0'), { seq: n }));
      await Promise.all(many.map((one) => done(store.save(one))));
      expect(await reopened(open, store)).toEqual(many);
    });

    test('finishes at closing what was begun', async () => {
      const open = await place();
      const store = open();
      await load(store);
      void done(store.save(entry('a')));
      expect(await reopened(open, store)).toEqual([entry('a')]);
    });
  });
}
