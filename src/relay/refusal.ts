/** A reply without events: JSON with the reason. */
export function refusal(status: number, error: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify({ error }), {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...headers },
  });
}

/** One reply for everything that the client may not see, so that it does not reveal what exists. */
export function notFound(): Response {
  return refusal(404, 'not found');
}

/** The client tries again: `authorize` failed, or the tracker is closed, because the server shuts down. */
export function notNow(): Response {
  return refusal(503, 'not now', { 'retry-after': '5' });
}

/** RFC 9110, 15.5.6: it names the methods that are allowed. */
export function methodNotAllowed(): Response {
  return refusal(405, 'only GET', { allow: 'GET' });
}
