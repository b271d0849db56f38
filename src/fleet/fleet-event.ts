import type { QueryErrorKind } from '../errors.js';
import type { Miss } from '../poll/poll-config.js';
import type { Task } from '../task.js';
import type { LostTask } from '../tracked-task.js';

/** What happens in a worker, for boards and logs. Holds no key, and no URL but that of a transition's video. */
export type FleetEvent =
  | {
      /** One query ended. */
      readonly type: 'polled';
      /** The name of the provider. */
      readonly provider: string;
      /** The id of the task. */
      readonly id: string;
      /** `answer`, or why there was none. */
      readonly kind: 'answer' | QueryErrorKind;
      /** ms, with the time at the gate. */
      readonly durationMs: number;
    }
  | {
      /** A task has changed. */
      readonly type: 'transition';
      /** The task as it is now. */
      readonly task: Task;
    }
  | ({
      /** A poll was missed. */
      readonly type: 'miss';
    } & Miss)
  | {
      /** Tracking ended without a terminal answer. */
      readonly type: 'lost';
      /** The lost task, with the error that ended its tracking. */
      readonly task: LostTask;
    }
  | {
      /** This machine's clock is so far from that of Redis that the worker takes no jobs, or near enough again. */
      readonly type: 'clock';
      /** ms by which this machine's clock is ahead of that of Redis. */
      readonly skewMs: number;
      /** Whether the worker takes jobs. */
      readonly isUsable: boolean;
    }
  | {
      /** Something about Redis: a cut connection, a setting that endangers tasks. */
      readonly type: 'warning';
      /** What it is, and the remedy. */
      readonly message: string;
    };
