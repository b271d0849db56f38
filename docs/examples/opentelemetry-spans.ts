// The spans of two tasks, printed: one for each request, and one for each task.
//
//   npm ci && npm run build && node docs/examples/run.mjs docs/examples/opentelemetry-spans.ts

import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { BasicTracerProvider, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { createTracker } from 'rx-video-tasks';
import { startSandbox } from 'rx-video-tasks/sandbox';
import { lastValueFrom } from 'rxjs';
import { traceVideoTasks } from './opentelemetry.js';

/** In an application an OTLP exporter stands here. */
const exporter = {
  export(spans: ReadableSpan[]) {
    for (const span of spans) console.log(lineOf(span));
  },
  shutdown: () => Promise.resolve(),
};

function lineOf({ kind, name, attributes, status, links, duration: [seconds, ns] }: ReadableSpan): string {
  const time = `${(seconds * 1e3 + ns / 1e6).toFixed(0)} ms`;
  if (kind === SpanKind.CLIENT) {
    const { pathname } = new URL(String(attributes['url.full']));
    return `${name} ${pathname}: ${String(attributes['http.response.status_code'] ?? attributes['error.type'])}, ${time}`;
  }
  const outcome = status.code === SpanStatusCode.ERROR ? 'ERROR' : 'OK';
  const task = `${String(attributes['video_task.id'])}: ${String(attributes['video_task.status'])}`;
  return `${name} ${task} (${outcome}), ${time}, linked to ${links.length} requests`;
}

const spans = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
traceVideoTasks(spans.getTracer('rx-video-tasks'));

const sandbox = await startSandbox({ speed: 60, seed: 3 });
const tracker = createTracker({ provider: sandbox.providers, speed: sandbox.speed });
const good = sandbox.create({ provider: 'mingyan', outcome: 'completed' });
const bad = sandbox.create({ provider: 'alad', outcome: 'failed' });
await lastValueFrom(tracker.trackAll([good, bad]));
await spans.shutdown();
await sandbox.close();
