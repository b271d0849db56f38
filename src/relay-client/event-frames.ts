/** What one event of a stream says; nothing for a comment. */
export interface Frame {
  readonly id?: string;
  readonly data?: string;
  /** How long to wait before coming back, in ms. */
  readonly retry?: number;
}

/** An event is much smaller than this; what is larger is none of a relay's. */
const LONGEST = 262_144;

/**
 * Reads server-sent events from a text that comes in pieces: gives the events that each piece completes.
 * @throws Error for a text that is no such stream
 */
export function eventFrames(): (text: string) => Frame[] {
  let rest = '';
  return (text) => {
    rest += text;
    const blocks = rest.split(/\r?\n\r?\n/);
    rest = blocks.pop() as string;
    if (rest.length > LONGEST) throw new Error('the stream holds no events');
    return blocks.map(frameOf);
  };
}

function frameOf(block: string): Frame {
  const fields = new Map<string, string>();
  for (const line of block.split(/\r?\n/)) {
    const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    fields.set(name, fields.has(name) && name === 'data' ? `${fields.get(name) ?? ''}\n${value}` : value);
  }
  const [id, data, retry] = ['id', 'data', 'retry'].map((name) => fields.get(name));
  return {
    ...(id === undefined ? {} : { id }),
    ...(data === undefined ? {} : { data }),
    ...(retry !== undefined && /^\d{1,7}$/.test(retry) ? { retry: Number(retry) } : {}),
  };
}
