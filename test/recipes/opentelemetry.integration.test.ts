import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { createGate, createTracker, xingchaoyiqing } from 'rx-video-tasks';
import { errorReply, scriptedTransport } from 'rx-video-tasks/testing';
import { expect, test } from 'vitest';
import { traceVideoTasks } from '../../docs/examples/opentelemetry.js';
import { marbles } from '../marbles.js';

const KEY = 'test-key-0123456789';

test('one span a request by the HTTP conventions, and one a task, linked to its requests', () => {
  const exporter = new InMemorySpanExporter();
  const spans = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  traceVideoTasks(spans.getTracer('rx-video-tasks'));
  const provider = xingchaoyiqing({ apiKey: KEY });
  marbles((m) => {
    const { transport } = scriptedTransport({ v: ['q', errorReply('server'), 's'], w: ['network', 'f'] });
    const tracker = createTracker({ provider, transport, gate: createGate(), onMiss: () => 0 });
    tracker.trackAll(['v', 'w']).subscribe();
    m.flush();
  })();

  const finished = exporter.getFinishedSpans();
  const requests = finished.filter(({ kind }) => kind === SpanKind.CLIENT);
  const tasks = finished.filter(({ name }) => name === 'video task');
  expect(requests).toHaveLength(5);
  const { host } = new URL(provider.baseUrl);
  const ofV = requests.filter(({ attributes }) => String(attributes['url.full']).endsWith('/v1/result/v'));
  expect(ofV.map(({ name, attributes, status }) => [name, attributes, status.code])).toEqual(
    [
      { 'http.response.status_code': 200, 'video_task.query.kind': 'answer' },
      { 'http.response.status_code': 500, 'error.type': '500' },
      { 'http.response.status_code': 200, 'video_task.query.kind': 'answer' },
    ].map((outcome) => [
      'GET',
      {
        'http.request.method': 'GET',
        'url.full': `${provider.baseUrl}/v1/result/v`,
        'server.address': host,
        'server.port': 443,
        ...outcome,
      },
      'error.type' in outcome ? SpanStatusCode.ERROR : SpanStatusCode.UNSET,
    ]),
  );
  const missed = requests.find(({ attributes }) => attributes['error.type'] === 'network');
  expect(missed?.attributes).not.toHaveProperty('http.response.status_code');

  const [failed, completed] = tasks;
  expect(completed?.attributes).toMatchObject({
    'video_task.id': 'v',
    'video_task.status': 'completed',
    'video_task.requests': 3,
  });
  expect(completed?.links.map(({ context }) => context.spanId)).toEqual(ofV.map((span) => span.spanContext().spanId));
  expect(failed?.attributes).toMatchObject({ 'video_task.id': 'w', 'video_task.status': 'failed' });
  expect(failed?.links).toHaveLength(2);
  expect(failed?.status.code).toBe(SpanStatusCode.ERROR);
  expect(JSON.stringify(finished.map(({ attributes, status }) => [attributes, status]))).not.toContain(KEY);
});
