import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as library from 'rx-video-tasks';
import {
  alad,
  anyfast,
  createGate,
  createTracker,
  defineProvider,
  fetchTransport,
  generationsWindows,
  globalaiopc,
  mingyan,
  pollUntilTerminal,
  relayTracker,
  resultWindows,
  withModelInterval,
  xingchaoyiqing,
  type PollWindow,
} from 'rx-video-tasks';
import * as bullmq from 'rx-video-tasks/bullmq';
import * as node from 'rx-video-tasks/node';
import * as relay from 'rx-video-tasks/relay';
import * as sandbox from 'rx-video-tasks/sandbox';
import * as testing from 'rx-video-tasks/testing';
import { expect, test } from 'vitest';
import { pages, readPage, ROOT } from './docs-blocks.js';

// What pages state beside their code, as far as it can be looked up.

test.each([xingchaoyiqing, mingyan, globalaiopc, anyfast, alad])('a provider has the address of its page', (define) => {
  const { name, baseUrl, wire } = define({ apiKey: 'any' });
  const page = readPage(`docs/providers/${name}.md`);
  expect(page).toContain(baseUrl);
  expect(page).toContain(wire.path(wire.name === 'result' ? '{id}' : '{task_id}'));
});

/** `30–60 s`, `30 s–2 min`, `2–5 min`, `10 s`: in ms. */
function range(text: string): number[] {
  const parts = [...text.matchAll(/([\d.]+)(?: (s|min))?/g)];
  const unit = parts.at(-1)?.[2];
  return parts.map(([, number, own = unit]) => Number(number) * (own === 'min' ? 60_000 : 1_000));
}

test('the table of windows is that of the library', () => {
  const [, section = ''] =
    /^## How often a task is polled\n(.*?)^1\. /ms.exec(readPage('docs/limits-and-cadence.md')) ?? [];
  const rows = section.matchAll(/^\| (.+?) +\| (.+?) (?:¹ )? *\| (.+?) +\| (.*?) *\|$/gm);
  const stated = new Map<string, object>();
  for (const [, models = '', window = '', floor = '', generation = ''] of rows) {
    const [min, max] = range(window);
    if (Number.isNaN(range(floor)[0]) || !/ s/.test(floor)) continue;
    const entry = { min, max, floor: range(floor)[0], generation: generation === '' ? undefined : range(generation) };
    const named = [...models.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
    const names = models.startsWith('everything') ? [models] : named.map((name) => (/flex/.test(name) ? 'flex' : name));
    for (const name of names) stated.set(name, entry);
  }
  const entryOf = ({ min, max, floor = 10_000, generation }: PollWindow) => ({
    ...{ min, max, floor, generation: generation && [...generation] },
  });
  const { '*': rest, ...named } = resultWindows;
  const expected = new Map(Object.entries(named).map(([name, window]) => [name, entryOf(window)]));
  expected.set('everything else on the result wire', entryOf(rest as PollWindow));
  const gateway = generationsWindows['*'] as PollWindow;
  expected.set('everything on the generations wire (anyfast, alad)', entryOf(gateway));
  expect(stated).toEqual(expected);
});

/** The options of a function, by what it says to one that it does not have. */
function optionsOf(call: (options: never) => unknown, needed: object = {}): string[] {
  try {
    call({ ...needed, nonsense: 1 } as never);
  } catch (error) {
    return (/write one of:? (.*)$/.exec((error as Error).message)?.[1] ?? '').split(', ');
  }
  return [];
}

const provider = mingyan({ apiKey: 'any' });
test.each([
  ['pollUntilTerminal', optionsOf(pollUntilTerminal), ['operators/poll-until-terminal.md']],
  [
    'withModelInterval',
    optionsOf((options) => withModelInterval(resultWindows, options)),
    ['operators/with-model-interval.md'],
  ],
  [
    'createTracker',
    optionsOf(createTracker, { provider }),
    ['many-tasks.md', 'limits-and-cadence.md', 'operators/poll-until-terminal.md'],
  ],
  ['createGate', optionsOf(createGate), ['limits-and-cadence.md']],
  ['undiciTransport', optionsOf(node.undiciTransport), ['limits-and-cadence.md']],
  ['fetchTransport', optionsOf(fetchTransport), ['limits-and-cadence.md']],
  ['alad', optionsOf(alad, { apiKey: 'any' }), ['many-tasks.md']],
  ['defineProvider', optionsOf(defineProvider), ['add-a-provider.md']],
  ['saveVideo', optionsOf(node.saveVideo, { directory: '.' }), ['durability.md']],
  ['relayHandler', optionsOf(relay.relayHandler), ['relay.md']],
  ['relayTracker', optionsOf(relayTracker), ['relay.md']],
  ['fleetTracker', optionsOf(bullmq.fleetTracker), ['fleet.md']],
  [
    'fleetWorker',
    optionsOf(bullmq.fleetWorker),
    ['fleet.md', 'many-tasks.md', 'limits-and-cadence.md', 'operators/poll-until-terminal.md'],
  ],
])('each option of %s is on its page', (_name, options, places) => {
  expect(options.length).toBeGreaterThan(1);
  const text = places.map((place) => readPage(`docs/${place}`)).join('');
  expect(options.filter((option) => !new RegExp(`\\b${option}\\b`).test(text))).toEqual([]);
});

test.each([
  ['rx-video-tasks', library],
  ['rx-video-tasks/bullmq', bullmq],
  ['rx-video-tasks/node', node],
  ['rx-video-tasks/relay', relay],
  ['rx-video-tasks/sandbox', sandbox],
  ['rx-video-tasks/testing', testing],
])('each function and class of %s is on a page', (_entry, names) => {
  const text = pages.map(readPage).join('');
  expect(Object.keys(names).filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
});

test('each flag of the command line is on its page', () => {
  const help = readFileSync(join(ROOT, 'src/cli/usage.ts'), 'utf8');
  const flags = new Set([...help.matchAll(/ {2}(--[a-z][\w-]+)/g)].map(([, flag = '']) => flag));
  const page = readPage('docs/command-line.md');
  expect([...flags].filter((flag) => !page.includes(flag))).toEqual([]);
});
