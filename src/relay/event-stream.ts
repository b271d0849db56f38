import { interval, tap, type Subscription } from 'rxjs';

/**
 * Bytes that may wait for a slow client beyond those that the ReadableStream buffers; with more, the client is dropped.
 */
const MAX_QUEUED = 65_536;
/** Bytes that the ReadableStream buffers. */
const HIGH_WATER_MARK = 16_384;

/**
 * One client's server-sent events, as the body of a Response.
 *
 * A client that does not read is dropped: its connection is cut, and it reconnects with the id of the last event that
 * it received. A comment goes out every `heartbeat` ms, so that no proxy takes the connection for idle.
 */
export class EventStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #closing: Subscription;
  readonly #queue: Uint8Array[] = [];
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #queuedBytes = 0;
  #maxQueued = MAX_QUEUED;
  #isEnding = false;

  /** @param closing is unsubscribed once the stream is closed, by either side */
  constructor(heartbeat: number, closing: Subscription) {
    this.#closing = closing;
    const beat = () => {
      this.send(':\n\n');
    };
    closing.add(interval(heartbeat).pipe(tap(beat)).subscribe());
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          this.#flush();
        },
        cancel: () => {
          this.#close();
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: HIGH_WATER_MARK }),
    );
  }

  /** Sends the events that a new client is owed. Their size does not count against the limit for slow clients. */
  open(events: readonly string[]): void {
    for (const event of events) this.#enqueue(event);
    this.#maxQueued += this.#queuedBytes;
  }

  send(event: string): void {
    if (this.#isEnding) return;
    this.#enqueue(event);
    if (this.#queuedBytes > this.#maxQueued) this.drop();
  }

  /** Ends the stream after what is queued. */
  end(): void {
    this.#isEnding = true;
    this.#flush();
  }

  /** Cuts the stream at once. */
  drop(): void {
    this.#controller?.error(new Error('the client does not read, or has left'));
    this.#close();
  }

  #enqueue(event: string): void {
    const bytes = encoder.encode(event);
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.byteLength;
    this.#flush();
  }

  #flush(): void {
    const controller = this.#controller;
    while (controller && this.#queue.length > 0 && (controller.desiredSize ?? 0) > 0) {
      const bytes = this.#queue.shift() as Uint8Array;
      this.#queuedBytes -= bytes.byteLength;
      controller.enqueue(bytes);
    }
    if (!controller || !this.#isEnding || this.#queue.length > 0) return;
    controller.close();
    this.#close();
  }

  #close(): void {
    if (!this.#controller) return;
    this.#controller = undefined;
    this.#isEnding = true;
    this.#queue.length = this.#queuedBytes = 0;
    this.#closing.unsubscribe();
  }
}

const encoder = new TextEncoder();
