/** The limits of a relay that a client can meet by asking otherwise. */
export type RelayLimit = 'idsPerStream' | 'streamsPerSubject';

export interface RefusalOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** The limit that the request exceeds, and its value: a client reads them. */
  readonly limit?: Readonly<Partial<Record<RelayLimit, number>>>;
}

/** A reply without events: JSON with the reason. */
export function refusal(status: number, error: string, { headers = {}, limit }: RefusalOptions = {}): Response {
  return new Response(JSON.stringify({ error, limit }), {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...headers },
  });
}

/** One reply for everything that the client may not see, so that it tells nothing about what exists. */
export function notFound(): Response {
  return refusal(404, 'not found');
}

/** RFC 9110, 15.5.6: it names the methods that are allowed. */
export function methodNotAllowed(): Response {
  return refusal(405, 'only GET', { headers: { allow: 'GET' } });
}
