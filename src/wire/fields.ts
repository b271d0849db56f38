// Lenient by design: a field of an unexpected type is read as absent. A decoration must never cost a status.

type Read<T> = (value: unknown) => T | undefined;

/** The fields of a JSON object, each of any type. */
export type Fields = Readonly<Record<string, unknown>>;

/** What is no object has no fields. */
export function recordOf(value: unknown): Fields {
  return Object(value) as Fields;
}

/** A non-blank text. */
export const text: Read<string> = (value) => (typeof value === 'string' && value.trim() !== '' ? value : undefined);

/** A finite number, also as text. */
export const number: Read<number> = (value) => {
  const read = text(value) === undefined ? value : Number(value);
  return typeof read === 'number' && Number.isFinite(read) ? read : undefined;
};

export const flag: Read<boolean> = (value) => (typeof value === 'boolean' ? value : undefined);

/** 0..100, from a number or from texts like "50%". */
export const percent: Read<number> = (value) => {
  const progress = number(typeof value === 'string' ? value.replace(/%\s*$/, '') : value);
  return progress === undefined ? undefined : Math.min(100, Math.max(0, progress));
};

/** Unix seconds to epoch ms; 0 means "not yet". */
export const unixSeconds: Read<number> = (value) => {
  const seconds = number(value) ?? 0;
  // 1e11 s is the year 5138: what is larger came in ms.
  const ms = Math.round(seconds < 1e11 ? seconds * 1000 : seconds);
  return ms > 0 && ms <= 8.64e15 ? ms : undefined;
};

/** A code or a message: a non-blank text, trimmed, or a number as one. */
export const word: Read<string> = (value) => text(typeof value === 'number' ? String(value) : value)?.trim();

/** The name of the first pattern that a text fits. */
export function firstMatch<Name extends string>(
  patterns: Readonly<Record<Name, RegExp>>,
  text: string,
): Name | undefined {
  return (Object.keys(patterns) as Name[]).find((name) => patterns[name].test(text));
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a player can be sent there. Error texts stand where URLs belong on some failures. */
export function isHttpUrl(value: string | undefined): boolean {
  return value !== undefined && /^https?:\/\/[^\s/]\S*$/i.test(value) && URL.canParse(value);
}
