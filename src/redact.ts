import { assignDefined } from './fields.js';

/**
 * A text of a service, fit for a message: at most 200 characters, without URL queries, bearer tokens and whatever
 * shares eight characters in a row with the secret (or all of it, where it is shorter).
 */
export function redact(text: string, secret: string): string {
  let clean = text
    .slice(0, 1000)
    .replace(/(https?:\/\/[^\s?#"'<>]*)[?#][^\s"'<>]*/gi, '$1?…')
    .replace(/\b(bearer\s+|sk-)[^\s"',]+/gi, '$1…');
  const shared = Math.min(8, secret.length || 8);
  for (let at = 0; at + shared <= clean.length; at++) {
    let end = at + shared;
    if (!secret.includes(clean.slice(at, end))) continue;
    while (end < clean.length && secret.includes(clean.slice(at, end + 1))) end++;
    clean = `${clean.slice(0, at)}…${clean.slice(end)}`;
  }
  return clean.length > 200 ? `${clean.slice(0, 199)}…` : clean;
}

/**
 * What may be known of an error's origin: its own fields and its stack stay behind, they can hold keys and bodies.
 * Its texts are made `fit` to be shown.
 */
export function causeOf(error: unknown, fit: (text: string) => string = brief): object {
  const isObject = Object(error) === error;
  const { name, code, kind, message } = (isObject ? error : { message: String(error) }) as Record<string, unknown>;
  const fitOf = (value: unknown) => (typeof value === 'string' ? fit(value) : undefined);
  return assignDefined(
    { name: 'Error', message: '' },
    { name: fitOf(name), message: fitOf(message), code: fitOf(code) ?? fitOf(kind) },
  );
}

/** The first 200 characters of a text from outside, without what follows a "?" in URLs. */
export function brief(text: string): string {
  return withoutQueries(text).slice(0, 200);
}

/** A text without what follows a "?" in URLs: presigned ones are credentials. */
export function withoutQueries(text: string): string {
  return text.replace(/\?\S+/g, '?…');
}
