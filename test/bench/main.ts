import { argv } from 'node:process';
import { budget } from './budget/budget.js';
import { cadence } from './cadence/cadence.js';
import { markdown, type Part } from './figures.js';
import { path } from './path/path.js';
import { starting } from './starting/starting.js';
import { waiting } from './waiting/waiting.js';

const parts: Record<string, Part> = { path, waiting, starting, cadence, budget };

export async function main(words: readonly string[] = argv): Promise<void> {
  const chosen = words.filter((word) => !word.startsWith('--'));
  for (const [name, part] of Object.entries(parts)) {
    if (chosen.length > 0 && !chosen.includes(name)) continue;
    const from = performance.now();
    const { tables } = await part(words.includes('--quick'));
    for (const table of tables) console.log(markdown(table));
    console.log(`(${name}: ${((performance.now() - from) / 1000).toFixed(0)} s)\n`);
  }
}
