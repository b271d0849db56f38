import { crc32 } from 'node:zlib';
import type { JournalEntry } from '../../journal/index.js';

// The file, line by line: eight hex digits of CRC-32, a space, JSON. The first line tells the version, each other one holds
// what was written together: a list of entries and removals, of which the last about a task is what holds.

const VERSION = 1;

/** An entry, or word that there is none any more. */
export type JournalRecord = JournalEntry | JournalRemoval;

export interface JournalRemoval {
  readonly provider: string;
  readonly id: string;
  readonly removed: true;
}

export const HEADER = encodeLine({ journal: 'rx-video-tasks', version: VERSION });

/** The line of what is written together. */
export function encodeRecords(records: readonly JournalRecord[]): Buffer {
  return encodeLine(records);
}

function encodeLine(content: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(content));
  return Buffer.concat([Buffer.from(`${checksum(json)} `), json, Buffer.from('\n')]);
}

function checksum(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}

/**
 * Reads a journal file: gives each record in the order of writing, and returns how many of its bytes hold. A last line
 * that was not written to its end does not.
 *
 * @throws Error for a file that is no journal, that is of a newer version, or that was damaged later than by a crash.
 */
export function readJournal(bytes: Uint8Array, onRecord: (record: JournalRecord) => void): number {
  let end = bytes.indexOf(NEWLINE) + 1;
  const header = decodeLine(bytes.subarray(0, end)) as { journal?: unknown; version?: unknown } | undefined;
  if (header?.journal !== 'rx-video-tasks') throw new Error('it is no journal, or its first line is damaged');
  if (header.version !== VERSION) {
    throw new Error(`it is of version ${String(header.version)}, this library reads ${VERSION}; it was left as it is`);
  }
  let held = end;
  for (let line = 2; held < bytes.length; line++) {
    end = bytes.indexOf(NEWLINE, held) + 1;
    const records = decodeLine(bytes.subarray(held, end));
    if (Array.isArray(records)) {
      for (const record of records) onRecord(record as JournalRecord);
      held = end;
    } else {
      // A crash can only cut what was written last. Behind anything else there would be lines that hold.
      if (hasGoodLine(bytes, end)) throw new Error(`line ${line} is damaged, and what follows it is not`);
      break;
    }
  }
  return held;
}

function hasGoodLine(bytes: Uint8Array, start: number): boolean {
  for (let from = start; from > 0;) {
    const end = bytes.indexOf(NEWLINE, from) + 1;
    if (decodeLine(bytes.subarray(from, end)) !== undefined) return true;
    from = end;
  }
  return false;
}

const NEWLINE = 10;
const CHECKSUM = 8;

/** What a whole line holds; nothing if it is not as it was written. */
function decodeLine(line: Uint8Array): unknown {
  if (line.length < CHECKSUM + 2) return undefined;
  const json = line.subarray(CHECKSUM + 1, -1);
  const told = Buffer.from(line.buffer, line.byteOffset, CHECKSUM + 1).toString('latin1');
  return told === `${checksum(json)} ` ? (JSON.parse(Buffer.from(json).toString()) as unknown) : undefined;
}
