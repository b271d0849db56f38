import { assignDefined } from './fields.js';
import { withRaw, type Task } from './task.js';

/** Secrets: the API key, and what authenticates a request in its place. */
export type Secrets = string | readonly string[];

/**
 * A text of a service, safe for a message: at most 200 characters, without URL queries, bearer tokens and whatever
 * shares eight characters in a row with a secret (or all of it, where it is shorter).
 */
export function redact(text: string, secrets: Secrets): string {
  let clean = text
    .slice(0, 1000)
    .replace(/(https?:\/\/[^\s?#"'<>]*)[?#][^\s"'<>]*/gi, '$1?…')
    .replace(/\b(bearer\s+|sk-)[^\s"',]+/gi, '$1…');
  for (const secret of listOf(secrets)) clean = mask(clean, secret, Math.min(SHARED, secret.length || SHARED));
  return clean.length > 200 ? `${clean.slice(0, 199)}…` : clean;
}

/** So many characters in a row are the secret's and no coincidence. A shorter key is a stand-in, such as "test". */
const SHARED = 8;

/**
 * The text, whole, without what shares eight characters in a row with a secret; of a shorter secret, without that word.
 */
export function conceal(text: string, secrets: Secrets): string {
  let clean = text;
  for (const secret of listOf(secrets)) {
    if (secret.length < SHARED) clean = maskWord(clean, secret);
    else if (sharesRun(clean, secret)) clean = mask(clean, secret, SHARED);
  }
  return clean;
}

/**
 * Whether what is read from a text could hold a secret. Asked once a reply, this is cheaper than looking at each text
 * of its task: false means that none of them does.
 */
export function mayHold(text: string, secrets: Secrets): boolean {
  // An escape can stand for a character of a secret.
  if (text.includes('\\')) return true;
  return listOf(secrets).some((secret) =>
    secret.length < SHARED ? secret !== '' && text.includes(secret) : sharesRun(text, secret),
  );
}

function listOf(secrets: Secrets): readonly string[] {
  return typeof secrets === 'string' ? [secrets] : secrets;
}

/** Masks a short secret as a word or a value, not as part of another word or of a URL's path: it may be `test`. */
function maskWord(text: string, secret: string): string {
  if (secret === '' || !text.includes(secret)) return text;
  const literal = secret.replace(/[^\w]/g, '\\$&');
  return text.replace(new RegExp(`(?<![^\\s"'=:,;&(])${literal}(?![^\\s"',;&).!?]|[.!?]\\S)`, 'g'), '…');
}

/**
 * The task without the secrets, in whatever text of it the service has echoed them; the same object where it has not.
 */
export function concealTask(task: Task, secrets: Secrets): Task {
  const { raw } = task as { readonly raw?: string };
  const clean = concealFields(task, secrets);
  const cleanRaw = raw && conceal(raw, secrets);
  return clean === task && cleanRaw === raw ? task : withRaw(clean === task ? { ...task } : clean, cleanRaw);
}

/** Fields with values of the caller or of this library. */
const OWN_WORDS = /* @__PURE__ */ new Set(['id', 'provider', 'status', 'kind']);

function concealFields<T extends object>(fields: T, secrets: Secrets): T {
  let copy: object | undefined;
  for (const [name, value] of Object.entries(fields) as [string, unknown][]) {
    let clean = value;
    if (typeof value === 'string' && !OWN_WORDS.has(name)) clean = conceal(value, secrets);
    else if (typeof value === 'object' && value !== null) clean = concealFields(value, secrets);
    if (clean !== value) copy = { ...(copy ?? fields), [name]: clean };
  }
  return (copy as T | undefined) ?? fields;
}

function mask(text: string, secret: string, shared: number): string {
  let clean = text;
  for (let at = 0; at + shared <= clean.length; at++) {
    let end = at + shared;
    if (!secret.includes(clean.slice(at, end))) continue;
    while (end < clean.length && secret.includes(clean.slice(at, end + 1))) end++;
    clean = `${clean.slice(0, at)}…${clean.slice(end)}`;
  }
  return clean;
}

/**
 * Whether they may share eight characters in a row: then they share one of the pieces of five that begin at each
 * fourth.
 */
function sharesRun(text: string, secret: string): boolean {
  if (text.length < SHARED) return false;
  const [short, long] = text.length < secret.length ? [text, secret] : [secret, text];
  for (let at = 0; at + 5 <= short.length; at += 4) if (long.includes(short.slice(at, at + 5))) return true;
  return false;
}

/**
 * What may be known of an error's origin: its own fields and its stack stay behind, they can hold keys and bodies.
 *
 * @param sanitize makes its texts safe to show.
 */
export function causeOf(error: unknown, sanitize: (text: string) => string = brief): object {
  const isObject = Object(error) === error;
  const { name, code, kind, message } = (isObject ? error : { message: String(error) }) as Record<string, unknown>;
  const textOf = (value: unknown) => (typeof value === 'string' ? sanitize(value) : undefined);
  return assignDefined(
    { name: 'Error', message: '' },
    { name: textOf(name), message: textOf(message), code: textOf(code) ?? textOf(kind) },
  );
}

/** The message of what a callback threw or rejected with, which need not be an Error. */
export function messageOf(error: unknown): string {
  if (Object(error) !== error) return String(error);
  const { message } = error as { readonly message?: unknown };
  // `String` throws for an object without a prototype.
  return typeof message === 'string' ? message : Object.prototype.toString.call(error);
}

/** The first 200 characters of a text from outside, without what follows a "?" in URLs. */
export function brief(text: string): string {
  return withoutQueries(text).slice(0, 200);
}

/** A URL without what can open it: user name and password, and the query of a presigned one. */
export function bareUrl(url: string): string {
  return url.replace(/^([\w+.-]+:\/\/)[^/\\?#]*@/, '$1').replace(/[?#].*/s, '');
}

/** A text without what follows a "?" in URLs: presigned ones are credentials. */
export function withoutQueries(text: string): string {
  return text.replace(/\?\S+/g, '?…');
}
