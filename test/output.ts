import { readdirSync, readFileSync } from 'node:fs';

// F36 over the output of the whole run: what a test, the library or a process of theirs prints passes through here, and a
// run that shows a secret fails, even if its tests pass. Secrets are all keys that are written in the tests, each eight
// characters of them in a row with a digit among them (others can be words: "contract"); what has the shape of a
// generated key; and the signature of a presigned URL.

/** Keys in the source of a test: by the name of their variable, or by their own shape. */
const WRITTEN =
  /\b(?:apiKey|key|\w*KEY|SECRET|ACCOUNT|PRESIGNED)(?: =|:| \?\?) '([^'\s]{8,})'|'((?:sk|\w+-key)-[\w-]+)'/g;
const SHAPES = /\bsk-\w{16}|[?&](?:X-(?:Tos|Amz)-)?Signature=\w{8}/i;

const LENGTH = 8;

/** Eight characters in a row, of every secret in a folder of tests. */
function partsOfSecrets(folder: URL): ReadonlySet<string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const parts = new Set<string>();
  for (const file of files) {
    if (!file.endsWith('.ts') || file.includes('node_modules')) continue;
    for (const [, named, secret = named ?? ''] of readFileSync(new URL(file, folder), 'utf8').matchAll(WRITTEN)) {
      // Of a parameter, its value.
      for (let at = secret.indexOf('=') + 1; at + LENGTH <= secret.length; at++) {
        const part = secret.slice(at, at + LENGTH);
        if (/\d/.test(part)) parts.add(part);
      }
    }
  }
  return parts;
}

/** The first part of a secret in a text. */
function secretIn(text: string, parts: ReadonlySet<string>): string | undefined {
  for (let at = 0; at + LENGTH <= text.length; at++) {
    const part = text.slice(at, at + LENGTH);
    if (parts.has(part)) return part;
  }
  return SHAPES.exec(text)?.[0];
}

/** In the process that starts the workers, and prints what they print. */
export default function watchOutput(): void {
  const parts = partsOfSecrets(new URL('./', import.meta.url));
  let shown: string | undefined;
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
    // What is written in pieces is one text.
    let before = '';
    stream.write = (...args: unknown[]) => {
      const [chunk] = args;
      const text = before + (typeof chunk === 'string' ? chunk : Buffer.from(chunk as Uint8Array).toString());
      shown ??= secretIn(text, parts);
      before = text.slice(-100);
      return write(...args);
    };
  }
  process.on('exit', () => {
    if (shown === undefined) return;
    process.exitCode = 1;
    process.stderr.write(`F36: the output of this run shows a secret: ${shown}\n`);
  });
}
