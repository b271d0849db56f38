import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Queue, type Waiter } from '../src/queue.js';

class One implements Waiter<One> {
  before: One | undefined;
  after: One | undefined;
}

function inOrder(queue: Queue<One>): One[] {
  const all: One[] = [];
  for (let one = queue.first; one; one = one.after) all.push(one);
  return all;
}

test('first come, first served, whatever leaves in between, and however often', () => {
  // A number: the one that came then leaves. Null: another one comes.
  const steps = fc.array(fc.option(fc.nat(20), { freq: 2 }), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (all) => {
      const queue = new Queue<One>();
      const model = new Set<One>();
      const came: One[] = [];
      for (const step of all) {
        const left = step === null ? undefined : came[step];
        if (left) {
          queue.delete(left);
          model.delete(left);
        } else {
          const one = new One();
          came.push(one);
          queue.add(one);
          model.add(one);
        }
        expect(inOrder(queue).map((one) => came.indexOf(one))).toEqual([...model].map((one) => came.indexOf(one)));
        expect(queue.size).toBe(model.size);
      }
    }),
  );
});

test('what has left blocks nothing', () => {
  const queue = new Queue<One>();
  const [first, second, third] = [new One(), new One(), new One()];
  for (const one of [first, second, third]) queue.add(one);
  queue.delete(second);
  expect([second.before, second.after]).toEqual([undefined, undefined]);
  expect([first.after === third, third.before === first]).toEqual([true, true]);
});
