import { expect, test } from 'vitest';
import { kinds } from '../../../src/workflow/kinds.ts';
import { sixSteps, world } from './world.ts';

const everyStepOnce = ['w/a', 'w/b', 'w/c', 'w/d', 'w/e', 'w/f'];

async function callsOfOneRun(): Promise<number> {
  const one = world();
  one.apply('w', sixSteps);
  await one.run();
  expect(one.status('w').phase).toBe('Completed');
  return one.cluster.callCount();
}

test.each(['before', 'after'] as const)('a kill %s each call of a workflow of six steps does no harm', async (when) => {
  const calls = await callsOfOneRun();
  expect(calls).toBeGreaterThan(10);
  for (let at = 1; at <= calls; at += 1) {
    const one = world();
    one.apply('w', sixSteps);
    one.cluster.failAfter(at, when);
    expect(await one.runThroughKills(), `call ${at}`).toBe(1);
    expect(one.status('w').phase, `call ${at}`).toBe('Completed');
    expect(one.runs.toSorted(), `call ${at}`).toEqual(everyStepOnce);
    expect(one.cluster.all(kinds.claim), `call ${at}`).toEqual([]);
    expect(new Set(one.kept.filter(({ status }) => status === 'completed').map(({ step }) => step)).size).toBe(6);
  }
});

test('a process that is killed at every second call still comes to the end', async () => {
  const one = world();
  one.apply('w', sixSteps);
  for (let kills = 0; kills < 200 && one.status('w').phase !== 'Completed'; kills += 1) {
    one.cluster.failAfter(2, kills % 2 === 0 ? 'after' : 'before');
    await one.runThroughKills(1);
    one.restart();
  }
  expect(one.status('w').phase).toBe('Completed');
  expect(one.runs.toSorted()).toEqual(everyStepOnce);
});
