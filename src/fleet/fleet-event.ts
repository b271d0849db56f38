import type { QueryErrorKind } from '../errors.js';
import type { Miss } from '../poll/poll-config.js';
import type { Task } from '../task.js';
import type { LostTask } from '../tracked-task.js';

/** What happens in a worker, for boards and logs. Holds no key, and no URL but that of a transition's video. */
export type FleetEvent =
  /** One query ended. `kind`: `answer`, or why there was none. `durationMs`: its time at the gate included. */
  | {
      readonly type: 'polled';
      readonly provider: string;
      readonly id: string;
      readonly kind: 'answer' | QueryErrorKind;
      readonly durationMs: number;
    }
  | { readonly type: 'transition'; readonly task: Task }
  | ({ readonly type: 'miss' } & Miss)
  | { readonly type: 'lost'; readonly task: LostTask }
  /** This machine's clock is so far from that of Redis that the worker takes no jobs, or near enough again. */
  | { readonly type: 'clock'; readonly skewMs: number; readonly isUsable: boolean }
  /** Something about Redis: a cut connection, a setting that endangers tasks. */
  | { readonly type: 'warning'; readonly message: string };
