import { inspect } from 'node:util';
import { of } from 'rxjs';
import {
  createGate,
  createQuery,
  generationsWire,
  windowOf,
  type Provider,
  type ProviderOptions,
  type PollWindow,
  type Transport,
  type TransportRequest,
  type Wire,
} from 'rx-video-tasks';
import { describe, expect, test } from 'vitest';

const KEY = 'sk-contract-0123456789abcdef';

export interface Contract {
  readonly name: string;
  readonly wire: Wire;
  /** The documented base URL. */
  readonly baseUrl: string;
  /** The path of the document's own request, below the base URL, for the id `task_1`. */
  readonly path: string;
  /** ms */
  readonly floor: number;
  /** The documented windows: min and max wait of each model, in seconds; the floor where it is another than the provider's. */
  readonly windows: Readonly<Record<string, readonly [min: number, max: number, floor?: number]>>;
}

/** What every provider keeps to, whatever the service behind it. */
export function providerContract(make: (options: ProviderOptions) => Provider, contract: Contract): void {
  const { name, wire, baseUrl, path, floor, windows } = contract;

  /** The one request that a query makes. */
  const requestOf = (options: Partial<ProviderOptions> = {}, id = 'task_1'): TransportRequest => {
    const requests: TransportRequest[] = [];
    const transport: Transport = (request) => {
      requests.push(request);
      return of({ status: 200, headers: {}, body: '{"status":"queued"}' });
    };
    const provider = make({ apiKey: KEY, ...options });
    const gate = createGate({ requestsPerMinute: Infinity });
    createQuery({ provider, transport, gate })(id).subscribe();
    const [request] = requests;
    if (!request || requests.length !== 1) throw new Error(`${requests.length} requests`);
    return request;
  };

  describe(`provider ${name}`, () => {
    test('is what its document specifies', () => {
      const provider = make({ apiKey: KEY });
      expect(provider).toMatchObject({ name, baseUrl, wire, minInterval: floor, retention: 86_400_000 });
      expect(provider).toMatchObject({ isPublicService: true, isLoopback: false });
    });

    test('asks where its document says, with a bearer key and in English', () => {
      expect(requestOf()).toStrictEqual({
        url: `${baseUrl}${path}`,
        headers: { accept: 'application/json', 'accept-language': 'en', authorization: `Bearer ${KEY}` },
      });
      expect(requestOf({}, 'a/b?c').url).toBe(`${baseUrl}${path.replace('task_1', 'a%2Fb%3Fc')}`);
    });

    test('reads both a documented and an unknown status', () => {
      const reply = (status: string) => ({ status: 200, body: JSON.stringify({ code: 'success', data: { status } }) });
      const context = { provider: name, id: 'task_1', observedAt: 0, retention: 0, redact: String };
      const { wire: reader } = make({ apiKey: KEY });
      expect(reader.read(reply(wire === generationsWire ? 'IN_PROGRESS' : 'processing'), context).status).toBe(
        'processing',
      );
      expect(reader.read(reply('DREAMING'), context)).toMatchObject({ status: 'unknown', rawStatus: 'DREAMING' });
    });

    test.each(Object.entries(windows))('waits for %s as documented', (model, [min, max, ownFloor]) => {
      const provider = make({ apiKey: KEY });
      const window = windowOf(provider.windows, model);
      expect([window.min, window.max]).toStrictEqual([min * 1000, max * 1000]);
      expect(Math.max(provider.minInterval, window.floor ?? 0)).toBe((ownFloor ?? floor / 1000) * 1000);
    });

    test('has no window that is empty, upside down or below its floor', () => {
      const { windows: all, minInterval } = make({ apiKey: KEY });
      for (const [model, window] of Object.entries<PollWindow>(all)) {
        expect(window.min, model).toBeGreaterThanOrEqual(Math.max(minInterval, window.floor ?? 0));
        expect(window.max, model).toBeGreaterThan(window.min);
        const [shortest, longest] = window.generation ?? [1, 2];
        expect(longest, model).toBeGreaterThan(shortest);
      }
    });

    test('does not show its key when inspected', () => {
      const provider = make({ apiKey: KEY });
      const seen =
        inspect(provider, { depth: 10, showHidden: true }) + JSON.stringify(provider) + String(provider.apiKey);
      expect(seen).not.toContain(KEY.slice(3, 11));
    });

    test('goes by another name, for a second account', () => {
      expect(make({ apiKey: KEY, name: 'second.account-2' }).name).toBe('second.account-2');
      for (const bad of ['', ' ', 'a b', 'a\nb', 'x'.repeat(65), 'a/b', 5, null]) {
        expect(() => make({ apiKey: KEY, name: bad as string })).toThrow(/^name: .* write /s);
      }
    });

    test.each([
      ['https://proxy.example.com', 'https://proxy.example.com', false],
      ['https://proxy.example.com/', 'https://proxy.example.com', false],
      ['https://proxy.example.com:8443/a/b//', 'https://proxy.example.com:8443/a/b', false],
      ['http://127.0.0.1:4000', 'http://127.0.0.1:4000', true],
      ['http://127.1.2.3', 'http://127.1.2.3', true],
      ['http://localhost:4000/x', 'http://localhost:4000/x', true],
      ['http://acme.localhost', 'http://acme.localhost', true],
      ['http://[::1]:4000', 'http://[::1]:4000', true],
    ])('takes the base URL %s', (given, expected, isLoopback) => {
      const provider = make({ apiKey: KEY, baseUrl: given });
      expect(provider).toMatchObject({ baseUrl: expected, isPublicService: false, isLoopback });
      expect(requestOf({ baseUrl: given }).url).toBe(`${expected}${path}`);
    });

    test.each([
      'http://api.example.com',
      'http://127.0.0.1.example.com',
      'http://localhost.example.com',
      'http://10.0.0.1',
      'ftp://api.example.com',
      'file:///etc/passwd',
      'javascript:alert(1)',
      'api.example.com',
      '',
      '//api.example.com',
      'https://api.example.com?token=secret-token',
      'https://api.example.com/#part',
      'https://me:secret-word@api.example.com',
      'ftp://me:secret-word@api.example.com',
      '/own-proxy',
      7,
      null,
    ])('refuses the base URL %s, showing nothing secret of it', (given) => {
      const attempt = () => make({ apiKey: KEY, baseUrl: given as string });
      expect(attempt).toThrow(/^baseUrl of .*; write (?:for example "https:|an https URL|apiKey: null)/s);
      expect(attempt).not.toThrow(/secret/);
    });

    test('takes http elsewhere only with allowInsecure', () => {
      const provider = make({ apiKey: KEY, baseUrl: 'http://10.0.0.1/api', allowInsecure: true });
      expect(provider).toMatchObject({ baseUrl: 'http://10.0.0.1/api', isLoopback: false });
    });

    test('without a key sends no Authorization, and may go to the own proxy', () => {
      const { url, headers } = requestOf({ apiKey: null, baseUrl: '/own-proxy/' });
      expect(url).toBe(`/own-proxy${path}`);
      expect(Object.keys(headers)).not.toContain('authorization');
      expect(make({ apiKey: null, baseUrl: '/own-proxy' })).toMatchObject({
        isPublicService: false,
        isLoopback: false,
      });
      for (const bad of ['//evil.example.com', '/\\evil.example.com', '/a?b', '/a#b', '/a b', 'own-proxy']) {
        expect(() => make({ apiKey: null, baseUrl: bad })).toThrow(/^baseUrl of /);
      }
    });

    test.each([undefined, '', '   ', 5, {}, 'two words', 'line\r\nX-Evil: 1', 'schlüssel', 'tab\t'])(
      'refuses the key %j',
      (apiKey) => {
        const attempt = () => make({ apiKey: apiKey as string });
        expect(attempt).toThrow(new RegExp(`^apiKey of ${name} .*write ${name}\\(\\{ apiKey: `, 's'));
        expect(attempt).not.toThrow(/two words|Evil|schl/);
      },
    );

    test('without any options names the remedy', () => {
      const message = `${name}: the options are undefined; write ${name}({ apiKey })`;
      expect(() => (make as () => Provider)()).toThrow(message);
    });
  });
}
