import { interval, tap, type Subscription } from 'rxjs';

/** Bytes that wait for a client's reading beyond what the stream itself holds; more, and the client is dropped. */
const MOST_WAITING = 65_536;
/** Bytes that the stream holds ready. */
const READY = 16_384;

/**
 * One client's server-sent events, as the body of a Response. A client that does not read is dropped: its connection is
 * cut, and it comes back with the id of the last event that it has read.
 */
export class EventStream {
  readonly body: ReadableStream<Uint8Array>;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  readonly #waiting: Uint8Array[] = [];
  #bytes = 0;
  #mostBytes = MOST_WAITING;
  #isEnding = false;

  /** Whichever side ends it, `closing` is closed then. A comment goes out every `heartbeat` ms. */
  constructor(
    heartbeat: number,
    private readonly closing: Subscription,
  ) {
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
          this.#pass();
        },
        cancel: () => {
          this.#close();
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: READY }),
    );
  }

  /** Sends events that a client asked for when it came; however many, it may take its time with them. */
  open(events: readonly string[]): void {
    for (const event of events) this.#add(event);
    this.#mostBytes += this.#bytes;
  }

  send(event: string): void {
    if (this.#isEnding) return;
    this.#add(event);
    if (this.#bytes > this.#mostBytes) this.drop();
  }

  /** Ends the stream behind what was sent. */
  end(): void {
    this.#isEnding = true;
    this.#pass();
  }

  /** Cuts it. */
  drop(): void {
    this.#controller?.error(new Error('the client does not read'));
    this.#close();
  }

  #add(event: string): void {
    const bytes = encoder.encode(event);
    this.#waiting.push(bytes);
    this.#bytes += bytes.byteLength;
    this.#pass();
  }

  #pass(): void {
    const controller = this.#controller;
    while (controller && this.#waiting.length > 0 && (controller.desiredSize ?? 0) > 0) {
      const bytes = this.#waiting.shift() as Uint8Array;
      this.#bytes -= bytes.byteLength;
      controller.enqueue(bytes);
    }
    if (!controller || !this.#isEnding || this.#waiting.length > 0) return;
    controller.close();
    this.#close();
  }

  #close(): void {
    if (!this.#controller) return;
    this.#controller = undefined;
    this.#isEnding = true;
    this.#waiting.length = this.#bytes = 0;
    this.closing.unsubscribe();
  }
}

const encoder = new TextEncoder();
