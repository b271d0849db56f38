import { generationsWire, resultWire, type Wire } from 'rx-video-tasks';
import { generationsReply, resultReply } from 'rx-video-tasks/testing';
import { repeats, spread, type Findings } from '../figures.js';

const READINGS = 20_000;

const replies: Readonly<Record<string, { readonly wire: Wire; readonly body: string }>> = {
  'result, running': { wire: resultWire, body: resultReply({ status: 'processing', id: 'a' }).body },
  'result, completed': { wire: resultWire, body: resultReply({ status: 'completed', id: 'a' }).body },
  'generations, running': { wire: generationsWire, body: generationsReply({ status: 'processing', id: 'a' }).body },
  'generations, completed': { wire: generationsWire, body: generationsReply({ status: 'completed', id: 'a' }).body },
};

/** CPU of reading one reply into a task: parsing, schemas, normalizing. Without any I/O. */
export function reading(isQuick: boolean): Promise<Findings> {
  const rounds = isQuick ? 3 : 15;
  const rows = Object.entries(replies).map(([name, { wire, body }]) => {
    const reply = { status: 200, body };
    const context = { provider: 'bench', id: 'a', observedAt: Date.now(), retention: 86_400_000, redact: String };
    const parse = () => void JSON.parse(body);
    const read = () => void wire.read(reply, context);
    // To warm up.
    cost(parse);
    cost(read);
    const costs = Array.from({ length: rounds }, () => [cost(parse), cost(read)] as const);
    return [
      name,
      spread(costs.map(([parsing, whole]) => whole / parsing)),
      spread(
        costs.map(([, whole]) => whole),
        1,
      ),
    ];
  });
  const note = `Ratio to \`JSON.parse\` of the same text in the same round, ${repeats('round', rounds)}, ${READINGS} readings each.`;
  return Promise.resolve({
    tables: [{ title: 'CPU of reading one reply', note, head: ['', 'CPU, ratio', 'µs a reply'], rows }],
  });
}

/** µs of CPU a call. */
function cost(action: () => void): number {
  const from = process.cpuUsage();
  for (let nth = 0; nth < READINGS; nth++) action();
  return process.cpuUsage(from).user / READINGS;
}
