import type { RelayedTask } from 'rx-video-tasks/relay';

export interface Event {
  readonly id?: string;
  readonly task: RelayedTask;
}

/** The events of a stream, one by one; comments and hints are passed over. */
export async function* eventsOf(response: Response): AsyncGenerator<Event> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const event = parseEvent(text.slice(0, end));
      text = text.slice(end + 2);
      if (event) yield event;
    }
  }
}

/** The next so many events, or all until the stream ends; the stream stays open. */
export async function take(events: AsyncGenerator<Event>, count = Infinity): Promise<Event[]> {
  const taken: Event[] = [];
  while (taken.length < count) {
    const next = await events.next();
    if (next.done) break;
    taken.push(next.value);
  }
  return taken;
}

/** `id status seq`, for short. */
export const brief = ({ task }: Event) => `${task.id} ${task.status} ${task.seq ?? '-'}`;

function parseEvent(text: string): Event | undefined {
  const id = /^id: (.*)$/m.exec(text)?.[1];
  const data = /^data: (.*)$/m.exec(text)?.[1];
  if (data === undefined) return undefined;
  const task = JSON.parse(data) as RelayedTask;
  return id === undefined ? { task } : { id, task };
}
