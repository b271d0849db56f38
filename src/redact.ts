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
