import * as z from 'zod/mini';
import type { TrackedTask } from '../../tracked-task.js';

const STATUSES = [
  ...(['queued', 'processing', 'unknown', 'completed', 'failed', 'cancelled'] as const),
  'lost',
] as const satisfies readonly TrackedTask['status'][];

/**
 * A line of the journal: strict in what decides which task is tracked, and from which transition on; lenient in what
 * only describes it, where a wrong type counts as absent.
 */
export const recordsSchema = memoize(() => {
  const text = z.string().check(z.minLength(1));
  const count = z.int().check(z.nonnegative());

  const entryWith = (description: { text: z.ZodMiniType; number: z.ZodMiniType }) => {
    const optionalText = z.optional(description.text);
    const optionalNumber = z.optional(description.number);
    const transition = z.object({
      status: z.enum(STATUSES),
      at: z.number(),
      rawStatus: optionalText,
      progress: optionalNumber,
      url: optionalText,
    });
    return z.object({
      provider: text,
      id: text,
      trackedAt: z.number(),
      seq: count,
      acked: count,
      model: optionalText,
      hint: optionalText,
      createdAt: optionalNumber,
      retention: optionalNumber,
      last: z.optional(transition),
    });
  };

  const removal = z.object({ provider: text, id: text, removed: z.literal(true) });
  // Tried in this order. The lenient form costs three times as much, and a journal as we write it never needs it.
  const exact = entryWith({ text: z.string(), number: z.number() });
  const lenient = entryWith({ text: orAbsent('string'), number: orAbsent('number') });
  return z.array(z.union([exact, removal, lenient]));
});

export type RecordsIssue = z.core.$ZodIssue;

function orAbsent(type: 'string' | 'number') {
  return z.pipe(
    z.unknown(),
    z.transform((value) => (typeof value === type ? value : undefined)),
  );
}

/** Builds a schema at its first use, so that an import alone costs nothing. */
function memoize<T>(build: () => T): () => T {
  let built: T | undefined;
  return () => (built ??= build());
}
