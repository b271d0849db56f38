import * as z from 'zod/mini';

// Lenient by design: a field of an unexpected type is read as absent. A decoration must never cost a status.

const field = <T>(read: (value: unknown) => T | undefined) => z.optional(z.transform(read));

/** A non-blank text. */
export const text = /* @__PURE__ */ field((value) =>
  typeof value === 'string' && value.trim() !== '' ? value : undefined,
);

/** A finite number, also as text. */
export const number = /* @__PURE__ */ field(asNumber);

export const flag = /* @__PURE__ */ field((value) => (typeof value === 'boolean' ? value : undefined));

/** An http(s) URL, as it came. Error texts stand where URLs belong on some failures. */
export const httpUrl = /* @__PURE__ */ field((value) => (isHttpUrl(value) ? value : undefined));

/** 0..100, from a number or from texts like "50%". */
export const percent = /* @__PURE__ */ field((value) => {
  const progress = asNumber(typeof value === 'string' ? value.trim().replace(/%$/, '') : value);
  return progress === undefined ? undefined : Math.min(100, Math.max(0, progress));
});

/** Unix seconds to epoch ms; 0 means "not yet". */
export const unixSeconds = /* @__PURE__ */ field((value) => {
  const seconds = asNumber(value);
  // 1e11 s is the year 5138: what is larger came in ms.
  const ms = seconds === undefined || seconds < 1e11 ? (seconds ?? 0) * 1000 : seconds;
  return ms > 0 && ms <= 8.64e15 ? Math.round(ms) : undefined;
});

/** An object, for the fields that a wire wants of it; anything else counts as an empty one, so reading cannot fail. */
export const fieldsOf = <Shape extends z.core.$ZodShape>(shape: Shape) => {
  const schema = z.object(shape);
  return z.transform((value: unknown) => z.parse(schema, isObject(value) ? value : {}));
};

/** The error of a task: a text, or an object with a message. */
export const failure = /* @__PURE__ */ z.transform((value: unknown) =>
  typeof value === 'string' ? { message: z.parse(text, value) } : z.parse(errorFields, value),
);
const errorFields = /* @__PURE__ */ fieldsOf({ code: text, message: text });

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isHttpUrl(value: unknown): value is string {
  return typeof value === 'string' && /^https?:\/\/[^\s/]/i.test(value) && !/\s/.test(value) && URL.canParse(value);
}

function asNumber(value: unknown): number | undefined {
  const read = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof read === 'number' && Number.isFinite(read) ? read : undefined;
}
