import { subscribe } from 'node:diagnostics_channel';
import { SpanKind, SpanStatusCode, type Link, type Span, type Tracer } from '@opentelemetry/api';
import type { DiagnosticsMessages, QueryTraceMessage } from 'rx-video-tasks';

/** One span for each request, by the conventions for HTTP clients, and one for each task, linked to its requests. */
export function traceVideoTasks(tracer: Tracer): void {
  const requests = new WeakMap<object, Span>();
  const tasks = new Map<string, { startTime: number; links: Link[] }>();

  subscribe('tracing:rx-video-tasks:query:start', (message) => {
    const { provider, id, url } = message as QueryTraceMessage;
    const { hostname, port, protocol } = new URL(url);
    const attributes = {
      'http.request.method': 'GET',
      'url.full': url,
      'server.address': hostname,
      'server.port': Number(port || (protocol === 'https:' ? 443 : 80)),
    };
    const span = tracer.startSpan('GET', { kind: SpanKind.CLIENT, root: true, attributes });
    requests.set(message as object, span);
    const key = `${provider} ${id}`;
    const task = tasks.get(key) ?? { startTime: Date.now(), links: [] };
    task.links.push({ context: span.spanContext() });
    tasks.set(key, task);
    // A task whose last subscriber has left never settles: the oldest are dropped.
    if (tasks.size > 100_000) tasks.delete(tasks.keys().next().value ?? key);
  });

  subscribe('tracing:rx-video-tasks:query:asyncEnd', (message) => {
    const { kind, httpStatus, error } = message as QueryTraceMessage;
    const span = requests.get(message as object);
    if (httpStatus !== undefined) span?.setAttribute('http.response.status_code', httpStatus);
    if (error) {
      span?.setAttribute('error.type', httpStatus !== undefined && httpStatus >= 400 ? String(httpStatus) : error.kind);
      span?.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    } else span?.setAttribute('video_task.query.kind', kind ?? 'answer');
    span?.end();
  });

  subscribe('rx-video-tasks:settled', (message) => {
    const { provider, id, status, requests, generationMs } = message as DiagnosticsMessages['rx-video-tasks:settled'];
    const key = `${provider} ${id}`;
    const { startTime = Date.now(), links = [] } = tasks.get(key) ?? {};
    tasks.delete(key);
    const attributes = {
      'video_task.provider': provider,
      'video_task.id': id,
      'video_task.status': status,
      'video_task.requests': requests,
      ...(generationMs !== undefined && { 'video_task.generation_ms': generationMs }),
    };
    const span = tracer.startSpan('video task', { root: true, startTime, links, attributes });
    if (status !== 'completed') span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  });
}
