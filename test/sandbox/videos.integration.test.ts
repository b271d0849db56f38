import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startSandbox, type Sandbox, type SandboxTaskRequest } from 'rx-video-tasks/sandbox';
import { ask } from './ask.js';

const START = Date.parse('2026-04-27T11:15:06.500Z');
let sandbox: Sandbox;
let url: string;

/** The result URL of a task that has just been completed. */
async function completed(request: SandboxTaskRequest): Promise<string> {
  vi.setSystemTime(START);
  const ref = sandbox.create(request);
  vi.setSystemTime(START + 20 * 60_000);
  const { body } = await ask(sandbox, ref);
  return body.data?.result_url ?? body.video_url;
}

const get = (headers: Record<string, string> = {}, method = 'GET') => fetch(url, { method, headers });

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: START });
  sandbox = await startSandbox({ seed: 1 });
  url = await completed({ provider: 'alad' });
});
afterEach(async () => {
  vi.useRealTimers();
  await sandbox.close();
});

test('sends a whole MP4 with what a download needs', async () => {
  const response = await get();
  expect(response.status).toBe(200);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'video/mp4',
    'accept-ranges': 'bytes',
    etag: expect.stringMatching(/^"[0-9a-f]{32}"$/) as string,
    'last-modified': expect.stringMatching(/^Mon, 27 Apr 2026 11:.* GMT$/) as string,
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  expect(Number(response.headers.get('content-length'))).toBe(bytes.length);
  expect(new TextDecoder().decode(bytes.subarray(4, 8))).toBe('ftyp');
});

test('sends a video that is whole, and as long as the answers say', async () => {
  const bytes = Buffer.from(await (await get()).arrayBuffer());
  const boxes: string[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt32BE(at))
    boxes.push(bytes.toString('latin1', at + 4, at + 8));
  expect(boxes).toEqual(['ftyp', 'moov', 'free', 'mdat']);
  const header = bytes.indexOf('mvhd') + 4;
  expect(bytes.readUInt32BE(header + 16) / bytes.readUInt32BE(header + 12)).toBe(5);
  expect(bytes.includes('avc1')).toBe(true);
});

test('has a video behind every kind of URL', async () => {
  for (const request of [
    { provider: 'xingchaoyiqing' },
    { provider: 'mingyan' },
    { provider: 'globalaiopc' },
    { provider: 'anyfast' },
    { provider: 'anyfast', superResolution: true },
  ] satisfies SandboxTaskRequest[]) {
    expect((await fetch(await completed(request))).status).toBe(200);
  }
  const ref = sandbox.create({ provider: 'alad', superResolution: true });
  vi.setSystemTime(START + 60 * 60_000);
  const { original_result_url } = (await ask(sandbox, ref)).body.data;
  expect((await fetch(original_result_url)).status).toBe(200);
});

test('has a video for every id that it takes', async () => {
  const refs = ['asyntask_a-original', 'asyntask_original', 'asyntask_-_'].map((id) => ({
    provider: 'alad' as const,
    id,
  }));
  vi.setSystemTime(START);
  for (const ref of refs) await ask(sandbox, ref);
  vi.setSystemTime(START + 20 * 60_000);
  for (const ref of refs) expect((await fetch((await ask(sandbox, ref)).body.data.result_url)).status).toBe(200);
});

test('sends ranges', async () => {
  const whole = Buffer.from(await (await get()).arrayBuffer());
  const last = whole.length - 1;
  for (const [range, start, end] of [
    ['bytes=0-0', 0, 0],
    ['bytes=100-199', 100, 199],
    ['bytes=1000-', 1000, last],
    ['bytes=-7', last - 6, last],
    ['bytes=0-999999', 0, last],
    ['bytes=-999999', 0, last],
  ] as const) {
    const response = await get({ range });
    expect([range, response.status]).toEqual([range, 206]);
    expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end}/${whole.length}`);
    expect(response.headers.get('content-length')).toBe(String(end - start + 1));
    expect(Buffer.from(await response.arrayBuffer()).equals(whole.subarray(start, end + 1))).toBe(true);
  }
  for (const range of ['bytes=5-2', 'bytes=-', 'bytes=0-1,3-4', 'lines=0-1', 'bytes=a-b']) {
    const response = await get({ range });
    expect([range, response.status]).toEqual([range, 200]);
    expect((await response.arrayBuffer()).byteLength).toBe(whole.length);
  }
  for (const range of [`bytes=${whole.length}-`, 'bytes=99999999-99999999', 'bytes=-0']) {
    const response = await get({ range });
    expect([range, response.status]).toEqual([range, 416]);
    expect(response.headers.get('content-range')).toBe(`bytes */${whole.length}`);
    expect((await response.arrayBuffer()).byteLength).toBe(0);
  }
});

test('sends a range only of the video that If-Range names', async () => {
  const { headers } = await get();
  const range = 'bytes=10-19';
  for (const [ifRange, status] of [
    [headers.get('etag') ?? '', 206],
    [headers.get('last-modified') ?? '', 206],
    ['"another"', 200],
    [`W/${headers.get('etag') ?? ''}`, 200],
    ['Mon, 27 Apr 2026 00:00:00 GMT', 200],
  ] as const) {
    expect([ifRange, (await get({ range, 'if-range': ifRange })).status]).toEqual([ifRange, status]);
  }
});

test('answers HEAD without a body', async () => {
  const response = await get({}, 'HEAD');
  expect(response.status).toBe(200);
  expect(Number(response.headers.get('content-length'))).toBeGreaterThan(4000);
  expect((await response.arrayBuffer()).byteLength).toBe(0);
});

test.each([
  ['alad', (query: URLSearchParams) => Number(query.get('X-Tos-Expires'))],
  ['mingyan', (query: URLSearchParams) => Number(query.get('Expires')) - START / 1000],
] as const)('keeps the URL of %s open until the moment that it tells', async (provider, lifetime) => {
  const signed = await completed({ provider });
  const { searchParams } = new URL(signed);
  expect(lifetime(searchParams)).toBeGreaterThanOrEqual(86_400);
  const date = (searchParams.get('X-Tos-Date') ?? '').replace(/(....)(..)(..T..)(..)(..Z)/, '$1-$2-$3:$4:$5');
  const expires = searchParams.get('Expires');
  const end = expires === null ? Date.parse(date) + 86_400_000 : Number(expires) * 1000;
  vi.setSystemTime(end - 1);
  expect((await fetch(signed)).status).toBe(200);
  vi.setSystemTime(end);
  expect((await fetch(signed)).status).toBe(403);
});

test('keeps videos for the time that was asked for, whatever the speed', async () => {
  await sandbox.close();
  sandbox = await startSandbox({ speed: 1000, retention: 21 * 60_000 });
  const signed = await completed({ provider: 'anyfast' });
  expect((await fetch(signed)).status).toBe(200);
  vi.setSystemTime(START + 22 * 60_000);
  expect((await fetch(signed)).status).toBe(403);
});

test('opens no URL whose signature was changed, left out, or not given out yet', async () => {
  expect((await fetch(url.replace(/.$/, '!'))).status).toBe(403);
  expect((await fetch(url.replace('86400', '99999'))).status).toBe(403);
  expect((await fetch(url.replace(/\?.*/, ''))).status).toBe(403);
  expect((await fetch(`${sandbox.url}/videos/alad/asyntask_none.mp4?x`)).status).toBe(403);
  expect((await fetch(url.replace('/alad/', '/anyfast/'))).status).toBe(403);
  vi.setSystemTime(START);
  expect((await fetch(url)).status).toBe(403);
});

test('asks for no Authorization', async () => {
  expect((await get({ authorization: 'Bearer wrong' })).status).toBe(200);
});
