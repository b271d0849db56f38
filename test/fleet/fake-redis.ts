import { EventEmitter } from 'node:events';
import type { Redis } from 'ioredis';

/** What a client was asked, and its answer or the error reply. */
export type Answer = (...args: readonly unknown[]) => unknown;

/**
 * A client of ioredis that is connected to nothing: scripts and commands answer as a test wants. The fleet's own copies
 * of it count.
 */
export class FakeRedis extends EventEmitter {
  status = 'ready';
  options = {};
  /** The names of the scripts that were called, each with its arguments. */
  readonly calls: [string, ...unknown[]][] = [];
  readonly copies: FakeRedis[] = [];
  isConnected = true;
  readonly #answers: Readonly<Record<string, Answer>>;

  constructor(answers: Readonly<Record<string, Answer>> = {}) {
    super();
    this.#answers = answers;
  }

  get client(): Redis {
    return this as unknown as Redis;
  }

  /** How many copies, and copies of copies, are connected. */
  get connections(): number {
    return this.copies.reduce((sum, copy) => sum + Number(copy.isConnected) + copy.connections, 0);
  }

  /** The calls of a script by any copy. */
  callsOf(name: string): (readonly unknown[])[] {
    const own = this.calls.filter(([called]) => called === name).map(([, ...args]) => args);
    return [...own, ...this.copies.flatMap((copy) => copy.callsOf(name))];
  }

  duplicate(..._: readonly unknown[]): FakeRedis {
    const copy = new FakeRedis(this.#answers);
    this.copies.push(copy);
    return copy;
  }

  defineCommand(name: string): void {
    Object.assign(this, { [name]: (...args: readonly unknown[]) => this.#call(name, ...args) });
  }

  config(): Promise<string[]> {
    return Promise.resolve([]);
  }

  subscribe(...args: readonly unknown[]): Promise<unknown> {
    return this.#call('subscribe', ...args);
  }

  xrevrange(...args: readonly unknown[]): Promise<unknown> {
    return this.#call('xrevrange', ...args);
  }

  sscan(...args: readonly unknown[]): Promise<unknown> {
    return this.#call('sscan', ...args);
  }

  hgetall(...args: readonly unknown[]): Promise<unknown> {
    return this.#call('hgetall', ...args);
  }

  xread(): Promise<never> {
    return new Promise(() => undefined);
  }

  disconnect(): void {
    this.isConnected = false;
  }

  async #call(name: string, ...args: readonly unknown[]): Promise<unknown> {
    this.calls.push([name, ...args]);
    await Promise.resolve();
    return this.#answers[name]?.(...args) ?? [];
  }
}

/** As ioredis rejects with an error reply of Redis. */
export function errorReply(message: string): Error {
  return Object.assign(new Error(message), { name: 'ReplyError' });
}

/** The answer of the script that tracks a task: one that is known already, so that no job is added. */
export function tracked(args: readonly unknown[], fields: Readonly<Record<string, string>> = {}): unknown {
  const ref = String(args.at(-1));
  const hash = { gen: 'g', ref, since: '1', seq: '0', acked: '0', ...fields };
  return [0, Object.entries(hash).flat()];
}
