import type { SandboxTask } from './sandbox-task.js';
import type { Signature } from './video.js';

/** What the sandbox sends back: JSON, whatever the status. */
export interface Answer {
  readonly status: number;
  readonly body: object;
}

/** The models that share a prefix of ids. */
export interface Family {
  readonly prefix: string;
  /** Which models' ids begin so; the first family that fits gives a new task its id. */
  readonly models: RegExp;
  /** The model of a task of which only the id is known. @default that of the service */
  readonly model?: string;
}

/** One wire from the server's side. */
export interface ReplyFormat {
  readonly families: readonly Family[];
  /** How its URLs are signed. */
  readonly signature: Signature;
  /** The reasons that failed tasks give, one of them at random. */
  readonly reasons: readonly [string, ...string[]];
  /** The answer about a task, as the service would give it at that moment (epoch ms). */
  reply(task: SandboxTask, now: number): Answer;
  readonly unauthorized: Answer;
  readonly notFound: Answer;
  readonly rateLimited: Answer;
}
