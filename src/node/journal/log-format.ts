import { crc32 } from 'node:zlib';
import type { JournalEntry } from '../../journal/index.js';
import { recordsSchema, type RecordsIssue } from './record-schema.js';

// The file, line by line: eight hex digits of CRC-32, a space, JSON. The first line is the header with the version.
// Each other line is the list of records that were written together; the last record of a task is the one that counts.

const VERSION = 1;
const NEWLINE = 10;
const CHECKSUM_DIGITS = 8;

const REMEDY = 'it is left as it is: put a copy in its place, or move it away to start anew';

/** An entry, or the removal of one. */
export type JournalRecord = JournalEntry | JournalRemoval;

export interface JournalRemoval {
  readonly provider: string;
  readonly id: string;
  readonly removed: true;
}

export const HEADER = encodeLine({ journal: 'rx-video-tasks', version: VERSION });

/** Encodes records that are written together as one line. */
export function encodeRecords(records: readonly JournalRecord[]): Buffer {
  return encodeLine(records);
}

function encodeLine(content: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(content));
  return Buffer.concat([Buffer.from(`${checksum(json)} `), json, Buffer.from('\n')]);
}

function checksum(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(CHECKSUM_DIGITS, '0');
}

/**
 * Reads a journal file: passes on each record in the order of writing, and returns the length of the whole lines. What
 * follows them is a last line that a crash cut short. An empty file is an empty journal.
 *
 * @throws Error for a file that is no journal, that a newer version wrote, or that was damaged otherwise than by a
 * crash.
 */
export function readJournal(bytes: Uint8Array, onRecord: (record: JournalRecord) => void): number {
  if (bytes.length === 0) return 0;
  let wholeLines = readHeader(bytes);
  for (let line = 2; wholeLines < bytes.length; line++) {
    const end = bytes.indexOf(NEWLINE, wholeLines) + 1;
    const content = decodeLine(bytes.subarray(wholeLines, end));
    if (content === undefined) {
      // A crash cuts only the last line short. If a whole line follows, this one was damaged in another way.
      if (hasWholeLine(bytes, end)) throw new Error(`line ${line} is damaged, and lines behind it are not; ${REMEDY}`);
      break;
    }
    for (const record of parseRecords(content, line)) onRecord(record);
    wholeLines = end;
  }
  return wholeLines;
}

function readHeader(bytes: Uint8Array): number {
  const end = bytes.indexOf(NEWLINE) + 1;
  const header = decodeLine(bytes.subarray(0, end)) as { journal?: unknown; version?: unknown } | null | undefined;
  if (header?.journal !== 'rx-video-tasks')
    throw new Error(`it is no journal, or its first line is damaged; ${REMEDY}`);
  if (header.version !== VERSION) {
    throw new Error(
      `it is of version ${String(header.version)}, this library reads ${VERSION}; it is left as it is: update rx-video-tasks`,
    );
  }
  return end;
}

function parseRecords(content: unknown, line: number): readonly JournalRecord[] {
  const { data, error } = recordsSchema().safeParse(content);
  if (data) return data as readonly JournalRecord[];
  throw new Error(`line ${line} is whole, but ${describeIssue(error.issues[0])}; ${REMEDY}`);
}

function describeIssue(issue: RecordsIssue | undefined): string {
  const [index = 0] = issue?.path ?? [];
  // The lenient form of an entry comes last, and names what is wrong even so.
  const [field] = (issue?.code === 'invalid_union' && issue.errors.at(-1)) || [];
  const record = `its record ${Number(index) + 1}`;
  return field?.path.length
    ? `${record} has no valid ${field.path.join('.')}`
    : `${record} is neither entry nor removal`;
}

function hasWholeLine(bytes: Uint8Array, start: number): boolean {
  for (let from = start; from > 0;) {
    const end = bytes.indexOf(NEWLINE, from) + 1;
    if (decodeLine(bytes.subarray(from, end)) !== undefined) return true;
    from = end;
  }
  return false;
}

/** The content of a whole line; undefined if the line is not as it was written. */
function decodeLine(line: Uint8Array): unknown {
  if (line.length < CHECKSUM_DIGITS + 2) return undefined;
  const json = line.subarray(CHECKSUM_DIGITS + 1, -1);
  const start = Buffer.from(line.buffer, line.byteOffset, CHECKSUM_DIGITS + 1).toString('latin1');
  return start === `${checksum(json)} ` ? (JSON.parse(Buffer.from(json).toString()) as unknown) : undefined;
}
