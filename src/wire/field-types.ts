import * as z from 'zod/mini';
import { lazily } from './lazily.js';
import type { Fields } from './wire.js';

// Gateways change the types of their fields from model to model. A field that only decorates a task must never cost its
// status, so its reader takes any value, and reads one of an unexpected type as absent.

/** Longer texts are no names, codes or reasons that are meant to be read; a reply may have up to 1 MiB. */
const LONGEST = 4_096;

/** Returns a non-blank text, cut to 4,096 characters; undefined for any other value. */
export function readText(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  return value.length > LONGEST ? copy(value, LONGEST) : value;
}

/** A slice of a string keeps the whole of it in memory (V8's SlicedString), so the part is copied. */
function copy(text: string, length: number): string {
  return new TextDecoder().decode(new TextEncoder().encode(text.slice(0, length)));
}

/** Returns a finite number, also one that is given as text; undefined for any other value. */
export function readNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

/**
 * Returns progress in per cent, 0..100, from a number or from a text such as "50%"; undefined for any other value.
 * Numbers beyond the bounds are clamped.
 */
export function readPercent(value: unknown): number | undefined {
  const percent = readNumber(typeof value === 'string' ? value.replace(/%\s*$/, '') : value);
  return percent === undefined ? undefined : Math.min(100, Math.max(0, percent));
}

/** `2026-04-27T11:15:05Z`, with or without zone and fraction. */
const ISO = /^\s*(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(Z|[+-]\d\d:?\d\d)?\s*$/i;

/**
 * Returns a time in epoch ms, from Unix seconds, ms or an ISO 8601 text (UTC where it names no zone); undefined for any
 * other value. 0 means "not yet", and is undefined.
 */
export function readTime(value: unknown): number | undefined {
  const number = readNumber(value);
  if (number === undefined) return typeof value === 'string' ? readIsoTime(value) : undefined;
  // 1e11 s is the year 5138: larger numbers are ms.
  return timeOf(number < 1e11 ? number * 1000 : number);
}

function readIsoTime(text: string): number | undefined {
  const [, date = '', clock = '', zone = 'Z'] = ISO.exec(text) ?? [];
  return date === '' ? undefined : timeOf(Date.parse(`${date}T${clock}${zone.toUpperCase()}`));
}

/** The last ms that a Date can have (ECMA-262, "Time Values and Time Range") is 8.64e15. */
function timeOf(ms: number): number | undefined {
  return ms > 0 && ms <= 8.64e15 ? Math.round(ms) : undefined;
}

/** A code or a short word: a non-blank text, trimmed, or a number as text. */
export function readWord(value: unknown): string | undefined {
  return readText(typeof value === 'number' ? String(value) : value)?.trim();
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value that is no object has no fields. */
export function fieldsOf(value: unknown): Fields {
  return isObject(value) ? value : {};
}

/** The readers as types of schema fields. `z.catch` would do the same at three times the cost. */
export const fieldTypes = /* @__PURE__ */ lazily(() => ({
  text: z.transform(readText),
  word: z.transform(readWord),
  number: z.transform(readNumber),
  positive: z.transform((value) => {
    const number = readNumber(value);
    return number !== undefined && number > 0 ? number : undefined;
  }),
  percent: z.transform(readPercent),
  time: z.transform(readTime),
  flag: z.transform((value) => (typeof value === 'boolean' ? value : undefined)),
  fields: z.transform(fieldsOf),
  unknown: z.transform((value) => value),
}));
