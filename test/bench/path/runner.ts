// One contestant in a process of its own: each question is some work, each answer what it cost.
import { answer } from '../child.js';
import { contestants, type Work } from './contestants.js';

const [, , name = '', url = ''] = process.argv;
const contestant = contestants[name]?.(url);

answer(async (work: Work) => {
  await new Promise((resolve) => setTimeout(resolve, 50));
  const before = process.cpuUsage();
  await contestant?.(work);
  const { user, system } = process.cpuUsage(before);
  return user + system;
});
