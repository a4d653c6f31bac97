import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Turns } from '../../src/http/turns.ts';

function crowd(turns: Turns, size: number): { readonly begun: number[] } {
  const begun: number[] = [];
  for (let number = 0; number < size; number += 1) void turns.take().then(() => begun.push(number));
  return { begun };
}

test('what comes alone begins at once', async () => {
  const { begun } = crowd(new Turns(3), 1);
  await Promise.resolve();
  await Promise.resolve();
  expect(begun).toEqual([0]);
});

test('of a crowd a few begin in each turn of the event loop, in the order in which they came', async () => {
  const { begun } = crowd(new Turns(3), 8);
  await Promise.resolve();
  const counts = [begun.length];
  for (let turn = 0; turn < 2; turn += 1) {
    await nextTurn();
    counts.push(begun.length);
  }
  expect(counts).toEqual([3, 6, 8]);
  expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test('who comes later does not overtake those who wait', async () => {
  const turns = new Turns(2);
  const order: string[] = [];
  const come = (name: string): void => void turns.take().then(() => order.push(name));
  for (const name of ['a', 'b', 'c', 'd', 'e']) come(name);
  await nextTurn();
  come('late');
  await nextTurn();
  await nextTurn();
  expect(order).toEqual(['a', 'b', 'c', 'd', 'e', 'late']);
});

test('nothing is left running when nobody waits', async () => {
  const turns = new Turns(1);
  await turns.take();
  await nextTurn();
  await nextTurn();
  await expect(turns.take()).resolves.toBeUndefined();
});
