import { EMPTY, type Observable } from 'rxjs';
import type { Journal, JournalStore } from './journal.js';
import { openSession } from './session.js';

const METHODS = ['load', 'save', 'remove', 'close'] as const satisfies readonly (keyof JournalStore)[];

/**
 * Returns a journal over a store of your own, such as a table of your database.
 *
 * @throws TypeError at call time for a store that lacks one of the four methods.
 *
 * @example
 * const journal = createJournal({
 *   load: () => db.query('select entry from tasks').then((rows) => rows.map(({ entry }) => entry)),
 *   save: (entry) => db.query('insert into tasks ... on conflict (provider, id) do update ...', [entry]),
 *   remove: ({ provider, id }) => db.query('delete from tasks where provider = $1 and id = $2', [provider, id]),
 *   close: () => [],
 * });
 */
export function createJournal(store: JournalStore): Journal {
  for (const method of METHODS) {
    if (typeof (store as Partial<JournalStore> | undefined)?.[method] !== 'function') {
      throw new TypeError(`createJournal: the store has no ${method}(); write { ${METHODS.join(', ')} }`);
    }
  }
  let isOpen = false;
  let previousClosed: Observable<never> = EMPTY;
  return {
    open() {
      if (isOpen) {
        throw new Error(
          'journal: another tracker uses this journal object; close() that tracker first, or give each tracker its own',
        );
      }
      isOpen = true;
      return openSession(store, previousClosed, (closed) => {
        isOpen = false;
        previousClosed = closed;
      });
    },
  };
}
