import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A process of the benchmarks: answers each message with one. */
export interface Child {
  ask<Answer>(question: unknown): Promise<Answer>;
  stop(): Promise<void>;
}

/** Starts one of the built runners. */
export function startChild(name: string, args: readonly string[] = [], execArgv: readonly string[] = []): Child {
  const child = fork(join(import.meta.dirname, `${name}.js`), args, { execArgv: [...execArgv] });
  const gone = once(child, 'exit');
  return {
    async ask<Answer>(question: unknown) {
      const answered = once(child, 'message') as Promise<[Answer]>;
      child.send({ question });
      const outcome = await Promise.race([answered, gone.then(() => undefined)]);
      if (!outcome) throw new Error(`${name} ${args.join(' ')} ended before it had answered`);
      return outcome[0];
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill();
      await gone;
    },
  };
}

/** The other end: what a runner answers. */
export function answer(respond: (question: never) => unknown): void {
  process.on('message', ({ question }: { question: never }) => {
    void (async () => process.send?.((await respond(question)) ?? null))();
  });
  // The parent is gone.
  process.on('disconnect', () => process.exit());
}
