import { STATUS_CODES, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { Provider } from '../providers/index.js';
import type { Answer, ReplyFormat } from './reply-format.js';
import type { TaskStore } from './task-store.js';
import { sendVideo } from './video.js';

/** One service behind the gateway. */
export interface Account {
  readonly provider: Provider;
  readonly key: string;
  readonly format: ReplyFormat;
  readonly store: TaskStore;
  /** Counts one more answer; whether it is one too many. */
  readonly isOverLimit: (now: number) => boolean;
}

const LARGEST_REQUEST = 65_536;

/**
 * Answers `GET /{service}{path of its wire}{id}`, `GET /videos/{service}/{file}` and `POST /sandbox/tasks`, which
 * `create` makes a task of.
 */
export function gateway(accounts: ReadonlyMap<string, Account>, create: (fields: object) => object): RequestListener {
  const services = [...accounts.values()].map(({ provider }) => `GET /${provider.name}${provider.wire.path('{id}')}`);
  const nothingHere = refusal(404, `nothing here; this sandbox answers ${services.join(', ')}, POST /sandbox/tasks`);

  return (request, response) => {
    const { method, url: target = '' } = request;
    const [path = ''] = target.split('?');
    const [, place = '', name = ''] = path.split('/');
    const account = accounts.get(place);
    const owner = place === 'videos' ? accounts.get(name) : undefined;
    if (account && method === 'GET') {
      send(response, answerOf(account, path.slice(place.length + 1), request) ?? nothingHere);
    } else if (owner && (method === 'GET' || method === 'HEAD')) {
      answerVideo(owner, target, request, response);
    } else if (path === '/sandbox/tasks' && method === 'POST') {
      createOverHttp(request, create).then(
        (answer) => {
          send(response, answer);
        },
        // The client went away in the middle of its request.
        () => response.destroy(),
      );
    } else {
      send(response, nothingHere);
    }
  };
}

function answerOf(account: Account, path: string, { headers }: IncomingMessage): Answer | undefined {
  const { provider, key, format, store, isOverLimit } = account;
  const folders = ['', 'mcp_'].map((id) => provider.wire.path(id).replace(/[^/]*$/, ''));
  const folder = folders.find((start) => path.startsWith(start));
  // Only ids that need no percent-encoding are ever issued. Each has one path: the model center's differ from the
  // others'.
  const id = path.slice(folder?.length);
  if (folder === undefined || path !== provider.wire.path(id)) return undefined;
  if (headers.authorization !== `Bearer ${key}`) return format.unauthorized;
  const now = Date.now();
  if (isOverLimit(now)) return format.rateLimited;
  const task = store.find(id, now);
  return task ? format.reply(task, now) : format.notFound;
}

function answerVideo({ store }: Account, target: string, request: IncomingMessage, response: ServerResponse): void {
  const id = /\/([\w-]+)\.mp4\?/.exec(target)?.[1] ?? '';
  const { video, original } = store.get(id) ?? {};
  const signed = [video, original].find((one) => one?.url.endsWith(target));
  const now = Date.now();
  if (!signed || now < signed.opensAt) send(response, refusal(403, 'the signature does not match'));
  else if (now >= signed.expiresAt) send(response, refusal(403, 'the URL has expired'));
  else sendVideo(request, response, signed);
}

async function createOverHttp(request: IncomingMessage, create: (fields: object) => object): Promise<Answer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // A body that is too large is read to its end: clients read the answer only after sending all of it.
    if (size <= LARGEST_REQUEST) chunks.push(chunk);
  }
  if (size > LARGEST_REQUEST) return refusal(413, `the body is larger than ${LARGEST_REQUEST} bytes`);
  try {
    const fields: unknown = JSON.parse(Buffer.concat(chunks).toString());
    return { status: 201, body: create(fields as object) };
  } catch (error) {
    return refusal(400, error instanceof SyntaxError ? NOT_JSON : (error as Error).message);
  }
}

const NOT_JSON = 'the body is not JSON; write for example {"provider": "alad", "outcome": "failed"}';

function refusal(status: number, message: string): Answer {
  return { status, body: { error: { code: STATUS_CODES[status], message } } };
}

function send(response: ServerResponse, { status, body }: Answer): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    ...(status === 429 ? { 'retry-after': '1' } : {}),
  });
  response.end(text);
}
