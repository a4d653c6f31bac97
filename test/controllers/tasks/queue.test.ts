/** Several Tasks of one Agent: who waits, for what, and who comes next. */
import { describe, expect, test } from 'vitest';
import { agentKinds } from '../../../src/agents/kinds.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import { home, World } from './world.ts';

async function withTasks(agent: object, tasks: number): Promise<World> {
  const world = new World();
  world.agent(agent);
  for (let index = 0; index < tasks; index += 1) world.add({}, `t${index}`);
  for (let index = 0; index < tasks; index += 1) await world.reconcile(`t${index}`);
  return world;
}

async function finish(world: World, name: string): Promise<void> {
  world.pods.finish({ namespace: home, name: `${name}-pod` });
  await world.reconcile(name);
}

function phases(world: World): string {
  const tasks = world.cluster.all(agentKinds.task);
  return tasks.map(({ metadata }) => world.status(metadata.name, metadata.namespace).phase).join(' ');
}

describe('capacity', () => {
  test('is never exceeded, and those that wait say so', async () => {
    const world = await withTasks({ maxConcurrentTasks: 2 }, 3);
    expect(phases(world)).toBe('Running Running Queued');
    expect(world.condition('Queued', 't2')).toBe('True AgentAtCapacity: Waiting for agent "default" capacity (max: 2)');
    expect(world.status('t2').agentRef).toEqual({ namespace: home, name: 'default' });
    expect(world.told.at(-1)).toBe('Normal AgentAtCapacity');
  });

  test('costs those that wait no call while nothing changes', async () => {
    const world = await withTasks({ maxConcurrentTasks: 1 }, 2);
    const before = world.cluster.callCount();
    expect(await world.after(10, 't1')).toEqual({ kind: 'settled', requeueAfterMs: 10_000 });
    expect(world.cluster.callCount()).toBe(before);
  });

  test('that is free again goes to the oldest, whoever asks first', async () => {
    const world = new World();
    world.agent({ maxConcurrentTasks: 1 });
    for (const name of ['first', 'second', 'third']) {
      world.add({}, name);
      world.nowMs += 1_000;
      await world.reconcile(name);
    }
    await finish(world, 'first');
    await world.reconcile('third');
    expect(world.status('third').phase).toBe('Queued');
    await world.reconcile('second');
    expect(world.status('second').phase).toBe('Running');
    expect(world.condition('Queued', 'second')).toBe('False CapacityAvailable: Agent has capacity again');
  });

  test('counts Tasks of all namespaces that use the Agent, and of no other Agent of that name', async () => {
    const world = new World();
    world.agent({ maxConcurrentTasks: 1 }, 'shared', 'agents');
    world.agent({ maxConcurrentTasks: 1 }, 'shared', 'other');
    const spec = { agentRef: { name: 'shared', namespace: 'agents' } };
    for (const namespace of ['one', 'two']) {
      world.add(spec, 'fix', { namespace });
      await world.reconcile('fix', namespace);
    }
    world.add({ agentRef: { name: 'shared', namespace: 'other' } }, 'fix', { namespace: 'one-more' });
    await world.reconcile('fix', 'one-more');
    expect(phases(world)).toBe('Running Queued Running');
  });

  test('that is raised or taken away lets them start', async () => {
    const world = await withTasks({ maxConcurrentTasks: 1 }, 3);
    world.agent({ maxConcurrentTasks: 2 });
    await world.reconcile('t1');
    await world.reconcile('t2');
    expect(phases(world)).toBe('Running Running Queued');
    world.agent();
    await world.reconcile('t2');
    expect(world.condition('Queued', 't2')).toContain('False NoLimits');
  });

  test('is not held by a Task whose claim was refused, nor by one that cannot be marked', async () => {
    const world = new World();
    world.agent({ maxConcurrentTasks: 1 });
    world.add({}, 'a');
    world.add({}, 'b');
    const isOf = (about: unknown): boolean => asRecord(asRecord(about)?.['metadata'])?.['name'] === 'a';
    world.cluster.refuse = (verb, kind, about) =>
      verb === 'writeStatus' && kind === 'Task' && isOf(about) ? { status: 403, message: 'no' } : undefined;
    expect(await world.reconcile('a')).toMatchObject({ kind: 'retry' });
    await world.reconcile('b');
    expect(world.status('b').phase).toBe('Running');
  });

  test('stays reserved for a claim whose answer was not heard, until the Task itself was asked', async () => {
    const world = new World();
    world.agent({ maxConcurrentTasks: 1 });
    world.add({}, 'a');
    world.add({}, 'b');
    const isOf = (about: unknown): boolean => asRecord(asRecord(about)?.['metadata'])?.['name'] === 'a';
    world.cluster.refuse = (verb, kind, about) =>
      verb === 'writeStatus' && kind === 'Task' && isOf(about) ? 'unavailable' : undefined;
    expect(await world.reconcile('a')).toMatchObject({ kind: 'retry' });
    await world.reconcile('b');
    expect(world.status('b').phase).toBe('Queued');
    world.cluster.refuse = undefined;
    await world.reconcile('a');
    expect(world.status('a').phase).toBe('Running');
    expect(world.cluster.calls.get('read Task')).toBe(1);
  });

  test('is asked for in the same moment by many, and given to as many as there is room for', async () => {
    const world = new World();
    world.agent({ maxConcurrentTasks: 2 });
    const all = Array.from({ length: 12 }, (_, index) => `t${index}`);
    for (const name of all) world.add({}, name);
    await Promise.all(all.map((name) => world.reconcile(name)));
    await Promise.all(all.map((name) => world.reconcile(name)));
    expect(all.filter((name) => world.status(name).phase === 'Running')).toHaveLength(2);
    expect(all.filter((name) => world.status(name).phase === 'Queued')).toHaveLength(10);
  });

  test('a Task whose Agent changes while it waits starts with the other', async () => {
    const world = await withTasks({ maxConcurrentTasks: 1 }, 2);
    world.agent({}, 'free');
    const before = world.task('t1') ?? world.add({}, 't1');
    world.put({ ...before, spec: { description: 'Fix it.', agentRef: 'free' } });
    await world.reconcile('t1');
    expect(world.status('t1')).toMatchObject({ phase: 'Running', agentRef: { name: 'free' } });
    expect(world.task('t1')?.metadata.labels).toMatchObject({ 'kubeopencode.io/agent': 'free' });
  });

  test('a Task whose Agent goes while it waits fails', async () => {
    const world = await withTasks({ maxConcurrentTasks: 1 }, 2);
    world.cluster.drop({ kind: agentKinds.agent, namespace: home, name: 'default' });
    await world.reconcile('t1');
    expect(world.condition('Ready', 't1')).toContain('False AgentError');
    expect(world.condition('Queued', 't1')).toContain('False');
  });
});

describe('quota', () => {
  const quota = { maxTaskStarts: 2, windowSeconds: 60 };
  const history = (world: World): readonly unknown[] => {
    const agent = world.cluster.get({ kind: agentKinds.agent, namespace: home, name: 'default' });
    const starts = asRecord(agent?.['status'])?.['taskStartHistory'];
    return Array.isArray(starts) ? starts : [];
  };

  test('lets so many start in its window, and those that wait say so', async () => {
    const world = await withTasks({ quota }, 3);
    expect(phases(world)).toBe('Running Running Queued');
    expect(world.condition('Queued', 't2')).toBe(
      'True QuotaExceeded: Waiting for agent "default" quota (max: 2 per 60s)',
    );
    expect(history(world)).toEqual([
      { taskName: 't0', taskNamespace: home, startTime: '2026-01-01T00:00:00Z' },
      { taskName: 't1', taskNamespace: home, startTime: '2026-01-01T00:00:00Z' },
    ]);
    expect(await world.after(20, 't2')).toEqual({ kind: 'settled', requeueAfterMs: 40_000 });
    await world.after(40, 't2');
    expect(world.status('t2').phase).toBe('Running');
    expect(history(world)).toHaveLength(1);
  });

  test('holds for the next process too', async () => {
    const world = await withTasks({ quota }, 2);
    world.restart();
    world.add({}, 't2');
    await world.after(10, 't2');
    expect(world.status('t2').phase).toBe('Queued');
  });

  test('comes after capacity', async () => {
    const world = await withTasks({ quota: { ...quota, maxTaskStarts: 1 }, maxConcurrentTasks: 1 }, 2);
    expect(world.condition('Queued', 't1')).toContain('AgentAtCapacity');
    await finish(world, 't0');
    await world.reconcile('t1');
    expect(world.condition('Queued', 't1')).toContain('QuotaExceeded');
  });

  test('leaves what others have written into the status of the Agent', async () => {
    const world = new World();
    world.agent({ quota });
    const place = { kind: agentKinds.agent, namespace: home, name: 'default' };
    world.cluster.setStatus(place, { serverStatus: { url: 'http://a' }, conditions: [] });
    world.add();
    await world.reconcile();
    expect(world.cluster.get(place)?.['status']).toMatchObject({ serverStatus: { url: 'http://a' }, conditions: [] });
    expect(history(world)).toHaveLength(1);
  });

  test('is asked for in the same moment by many, and given to as many as it allows', async () => {
    const world = new World();
    world.agent({ quota });
    const all = Array.from({ length: 8 }, (_, index) => `t${index}`);
    for (const name of all) world.add({}, name);
    await Promise.all(all.map((name) => world.reconcile(name)));
    await Promise.all(all.map((name) => world.reconcile(name)));
    expect(all.filter((name) => world.status(name).phase === 'Running')).toHaveLength(2);
    expect(history(world)).toHaveLength(2);
  });

  test('does not count a Task that could not be made', async () => {
    const world = new World();
    world.agent({ quota });
    world.add();
    world.cluster.refuse = (verb, kind) =>
      verb === 'create' && kind === 'Pod' ? { status: 422, message: 'invalid' } : undefined;
    await world.reconcile();
    expect(world.status().phase).toBe('Failed');
    expect(history(world)).toEqual([]);
  });

  test('a Task of the same name as one before is counted for itself', async () => {
    const world = await withTasks({ quota }, 1);
    await finish(world, 't0');
    world.cluster.drop({ kind: agentKinds.task, namespace: home, name: 't0' });
    await world.reconcile('t0');
    world.nowMs += 5_000;
    world.add({}, 't0');
    await world.reconcile('t0');
    expect(world.status('t0').phase).toBe('Running');
    expect(history(world)).toHaveLength(2);
  });
});

describe('who looks again', () => {
  test('when a Task ends: as many as there is room for, oldest first', async () => {
    const world = await withTasks({ maxConcurrentTasks: 2 }, 6);
    const woken: string[] = [];
    world.cluster.onChange((object, change) => {
      for (const { name } of world.reconciler.concerned(object, change)) if (name !== 't0') woken.push(name);
    });
    // The first time a Task is seen, its place is remembered.
    for (const task of world.cluster.all(agentKinds.task)) world.reconciler.concerned(task, 'present');
    await finish(world, 't0');
    expect(woken).toEqual(['t2']);
  });

  test('when an Agent is changed by somebody: all that wait for it; when its status is written: nobody', async () => {
    const world = await withTasks({ maxConcurrentTasks: 1 }, 3);
    const seen = (): readonly string[] => {
      const agent = world.cluster.all(agentKinds.agent)[0];
      return agent === undefined ? [] : world.reconciler.concerned(agent, 'present').map(({ name }) => name);
    };
    seen();
    world.cluster.setStatus({ kind: agentKinds.agent, namespace: home, name: 'default' }, { conditions: [] });
    expect(seen()).toEqual([]);
    world.agent({ maxConcurrentTasks: 3 });
    expect(seen()).toEqual(['t1', 't2']);
  });

  test('when a template is changed: those that wait and refer to it', async () => {
    const world = new World();
    world.agent({ maxConcurrentTasks: 1 }, 'busy');
    const { apiVersion, kind } = agentKinds.template;
    const template = { apiVersion, kind, metadata: { name: 'usual', namespace: home } };
    world.put({ ...template, spec: { agentRef: 'busy' } });
    world.add({ agentRef: 'busy' }, 'first');
    world.add({ taskTemplateRef: { name: 'usual' } }, 'second');
    await world.reconcile('first');
    await world.reconcile('second');
    expect(world.status('second').phase).toBe('Queued');
    world.agent({}, 'free');
    const changed = world.put({ ...template, spec: { agentRef: 'free' } });
    expect(world.reconciler.concerned(changed, 'present')).toEqual([{ namespace: home, name: 'second' }]);
    await world.reconcile('second');
    expect(world.status('second')).toMatchObject({ phase: 'Running', agentRef: { name: 'free' } });
  });

  test('when a Pod changes: the Task that is written on it', async () => {
    const world = await withTasks({}, 1);
    const pod = world.cluster.all(agentKinds.pod)[0];
    expect(pod && world.reconciler.concerned(pod, 'present')).toEqual([{ namespace: home, name: 't0' }]);
  });
});

test('load counts what waits and what could start', async () => {
  const world = await withTasks({ maxConcurrentTasks: 2 }, 3);
  await finish(world, 't0');
  expect(world.reconciler.load()).toEqual({
    agents: [{ namespace: home, agent: 'default', queued: 1, capacity: 1 }],
    tasks: [
      { system: 'kubeopencode', namespace: home, phase: 'Completed', count: 1 },
      { system: 'kubeopencode', namespace: home, phase: 'Running', count: 1 },
      { system: 'kubeopencode', namespace: home, phase: 'Queued', count: 1 },
    ],
  });
});

test('five hundred that wait are looked at within a second', async () => {
  const world = new World();
  world.agent({ maxConcurrentTasks: 1 });
  const all = Array.from({ length: 500 }, (_, index) => `t${index}`);
  for (const name of all) world.add({}, name);
  for (const name of all) await world.reconcile(name);
  const before = performance.now();
  for (const name of all) await world.reconcile(name);
  expect(performance.now() - before).toBeLessThan(1_000);
});
