import type { SeededRandom } from './seeded-random.js';
import type { Lifecycle } from './lifecycle.js';
import type { SignedVideo } from './video.js';

/** A task as the sandbox keeps it. */
export interface SandboxTask extends Lifecycle {
  readonly id: string;
  readonly model: string;
  readonly speed: number;
  /** Its reason if it fails. */
  readonly reason: string;
  /** To be had once the task is completed. */
  readonly video: SignedVideo;
  /** Super-resolution tasks: the video before it was enhanced. */
  readonly original?: SignedVideo;
  /** For what else its answers show. */
  readonly random: SeededRandom;
}
