import { isQueryError, QueryError } from '../errors.js';
import type { Transport, TransportReply } from '../transport/index.js';
import { errorReply, generationsReply, resultReply } from './replies.js';
import { playScript, type Script, type ScriptEvent, type ScriptOptions, type ScriptStep } from './script.js';

/** A transport that plays a script, and its log. */
export interface ScriptedTransport {
  /** For `createTracker({ provider, transport })` or `createQuery`. */
  readonly transport: Transport;
  /** Everything that happened, in order. */
  readonly log: readonly ScriptEvent[];
}

/**
 * Returns a transport that replies from a script instead of a network, as true to the wire as a service: gate, wire and
 * operators are the real ones. The wire goes by the path that is asked for. Steps are those of `scriptedQuery`, where
 * an error's kind is the reply that is read as that kind (`network` and `timeout`: no reply at all), or whole replies.
 * Time is RxJS's own: virtual, faked or real.
 *
 * @throws TypeError at call time for a script or step that is none, and for an unknown option; RangeError for a
 * `latency` that no timer can take.
 *
 * @example
 * const { transport } = scriptedTransport({ asyntask_1: ['q', errorReply('rate-limited', 5), 'p', 's'] });
 * const tracker = createTracker({ provider: alad({ apiKey: 'any' }), transport });
 */
export function scriptedTransport(
  script: Script<ScriptStep<TransportReply> | TransportReply>,
  options: ScriptOptions = {},
): ScriptedTransport {
  const { play, log } = playScript<TransportReply, TransportReply>(
    'scriptedTransport',
    script,
    options,
    ['latency'],
    isReply,
  );
  const transport: Transport = ({ url }) => {
    const [path = ''] = url.split(/[?#]/);
    const id = decodeURIComponent(path.slice(path.lastIndexOf('/') + 1));
    const reply = path.includes('/generations/') ? generationsReply : resultReply;
    return play(id, (turn) => {
      if ('extra' in turn) return turn.extra;
      if ('task' in turn) return reply({ ...turn.task, id });
      const { error } = turn;
      if (isQueryError(error)) throw error;
      if (error === 'network' || error === 'timeout') throw new QueryError(error, `the script says ${error}`);
      // A deleted record is one that is not found, long after its creation.
      return errorReply(error === 'expired' ? 'not-found' : error);
    });
  };
  return { transport, log };
}

function isReply(step: unknown): step is TransportReply {
  return typeof (step as TransportReply | undefined)?.status === 'number';
}
