/** Limits of an Agent on a real cluster: how many of its Tasks run at a time, and how many begin in a while. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApiObject } from '../gate/api.ts';
import { watchPhases, type PhaseWatch } from './phases.ts';
import type { World } from './world.ts';

const tasks = 50;

export function capacity(place: () => World): void {
  let world: World;
  let namespaces: readonly string[];
  let phases: PhaseWatch;

  beforeAll(async () => {
    world = place();
    namespaces = [world.namespace, await world.another(), await world.another()];
    phases = await watchPhases(world.api.config);
  }, 60_000);
  afterAll(() => phases?.close());

  const queued = async (task: ApiObject): Promise<object | undefined> =>
    (await world.status(task))?.conditions.find(({ type }) => type === 'Queued');

  test(`${tasks} Tasks of three namespaces, never more than two at a time`, { timeout: 400_000 }, async () => {
    await world.api.apply(world.agent('two', { maxConcurrentTasks: 2, command: ['sleep', '1'] }));
    const agentRef = { name: 'two', namespace: world.namespace };
    const all = Array.from({ length: tasks }, (_, index) =>
      world.task(`crowd-${index}`, { agentRef, description: 'x' }, { namespace: namespaces[index % 3] ?? '' }),
    );
    await Promise.all(all.map((task) => world.api.create(task)));
    const last = all.at(-1) ?? never();
    await world.reached(last, 'Queued');
    expect(await queued(last)).toMatchObject({
      status: 'True',
      reason: 'AgentAtCapacity',
      message: 'Waiting for agent "two" capacity (max: 2)',
    });
    for (const task of all) expect(await world.ended(task, 300_000)).toMatchObject({ phase: 'Completed' });
    const crowd = (name: string): boolean => name.startsWith('crowd-');
    expect(phases.mostRunning(crowd)).toBe(2);
    expect(phases.podsOf(crowd).size).toBe(tasks);
    expect([...phases.podsOf(crowd).values()].every((count) => count === 1)).toBe(true);
    expect(await queued(last)).toMatchObject({ status: 'False', reason: 'CapacityAvailable' });
  });

  test('five starts in 60 s, also when the controller starts anew', { timeout: 240_000 }, async () => {
    await world.api.apply(world.agent('slow', { quota: { maxTaskStarts: 5, windowSeconds: 60 }, command: ['true'] }));
    const all = Array.from({ length: 8 }, (_, index) => world.task(`quota-${index}`, { agentRef: { name: 'slow' } }));
    for (const task of all.slice(0, 5)) await world.api.create(task);
    for (const task of all.slice(0, 5)) expect(await world.ended(task)).toMatchObject({ phase: 'Completed' });
    await world.controller.kill();
    await world.controller.start();
    for (const task of all.slice(5)) await world.api.create(task);
    for (const task of all.slice(5)) await world.reached(task, 'Queued');
    expect(await queued(all[7] ?? all[0] ?? never())).toMatchObject({
      status: 'True',
      reason: 'QuotaExceeded',
      message: 'Waiting for agent "slow" quota (max: 5 per 60s)',
    });
    for (const task of all.slice(5)) expect(await world.ended(task, 150_000)).toMatchObject({ phase: 'Completed' });
    const starts = await Promise.all(all.map(async (task) => Date.parse((await world.status(task))?.startTime ?? '')));
    starts.sort((a, b) => a - b);
    // Times of statuses are whole seconds.
    const untilTheSixth = starts.slice(5).map((start, index) => start - (starts[index] ?? Number.NaN));
    expect(untilTheSixth.filter((gap) => !(gap >= 59_000))).toEqual([]);
  });

  function never(): never {
    throw new Error('there are Tasks');
  }
}
