import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startSandbox } from 'rx-video-tasks/sandbox';
import { expect, onTestFinished, test } from 'vitest';
import { program, start, temporaryFolder } from '../children.js';

const ROOT = join(import.meta.dirname, '../../..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

/** What stands before an example in a reader's program. */
const PROGRAM = `
  import { alad, createTracker } from 'rx-video-tasks';
  import { fileJournal } from 'rx-video-tasks/node';
  const tracker = createTracker({ provider: alad({ apiKey: '' }), journal: fileJournal('./tasks.journal') });`;

/** The block of a page that saves videos, as a reader would paste it. */
function blockOf(page: string): string {
  const blocks = [...read(page).matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code);
  const block = blocks.find((code) => code.includes('ack: tracker.ack')) ?? '';
  return block.includes('createTracker(') ? block : PROGRAM + block.replace('declare const tracker: Tracker;', '');
}

/** The example of a docstring. */
function exampleOf(file: string): string {
  const [, example = ''] = /@example\n(.*?)\n \*\//s.exec(read(file)) ?? [];
  return `${PROGRAM}
    import { saveVideo } from 'rx-video-tasks/node';
    import { merge } from 'rxjs';
    const refs = ['asyntask_new'];
    ${example.replace(/^ \* ?/gm, '')}`;
}

function replaced(code: string, pattern: RegExp, by: string): string {
  expect(code).toMatch(pattern);
  return code.replace(pattern, by);
}

test.each([
  ['README.md', blockOf('README.md')],
  ['docs/durability.md', blockOf('docs/durability.md')],
  ['the docstring of saveVideo', exampleOf('src/node/save/save-video.ts')],
])(
  '%s: saves what completes, and only what was lost comes again',
  async (_page, code) => {
    const sandbox = await startSandbox({ speed: 300, seed: 1 });
    onTestFinished(() => sandbox.close());
    const ids = [
      sandbox.create({ provider: 'alad' }).id,
      sandbox.create({ provider: 'alad', outcome: 'failed' }).id,
      'no-id-of-this-service',
    ];
    // What a reader replaces, and what makes the sandbox stand for the service.
    const provider = `alad({ apiKey: '${sandbox.keys.alad}', baseUrl: '${sandbox.url}/alad' })`;
    const host = new URL(sandbox.url).host;
    const run = async (refs: readonly string[], directory: string) => {
      const changes: readonly (readonly [RegExp, string])[] = [
        [/\balad\(\{ apiKey: [^}]*\}\)/, provider],
        [/createTracker\(\{/, 'createTracker({ speed: 300,'],
        [/saveVideo\(\{/, `saveVideo({ allowHosts: ['${host}'],`],
        [/\['asyntask_new'\]/, `${JSON.stringify(refs)} as string[]`],
      ];
      const pasted = changes.reduce((text, [pattern, by]) => replaced(text, pattern, by), code);
      const file = await program('snippet', `process.chdir(process.argv[2]!);\n${pasted}`);
      const child = start(file, directory);
      expect(await child.ended).toBe(0);
      return child.output();
    };

    const directory = temporaryFolder();
    const first = await run(ids, directory);
    expect(first).toContain('saved');
    expect(readdirSync(join(directory, 'videos'))).toEqual([expect.stringMatching(/^alad-.*\.mp4$/)]);
    const lines = (await run([], directory)).trim().split('\n');
    expect(new Set(lines.map((line) => line.split(' ')[0]))).toEqual(new Set(['no-id-of-this-service']));
  },
  60_000,
);
