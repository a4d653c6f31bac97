/** What one Task meets must not cost another its turn, nor be the end of what a user has asked for. */
import { describe, expect, test } from 'vitest';
import { agentKinds } from '../../../src/agents/kinds.ts';
import type { Key } from '../../../src/controllers/runtime/reconciler.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import { home, key, podPlace, World } from './world.ts';

/** As the loop enqueues them, in the order of the changes. */
function woken(world: World): Key[] {
  const keys: Key[] = [];
  world.cluster.onChange((object, change) => keys.push(...world.reconciler.concerned(object, change)));
  const known = [...world.cluster.all(agentKinds.agent), ...world.cluster.all(agentKinds.task)];
  for (const object of known) world.reconciler.concerned(object, 'present');
  return keys;
}

const history = (world: World): readonly unknown[] => {
  const agent = world.cluster.get({ kind: agentKinds.agent, namespace: home, name: 'default' });
  const starts = asRecord(agent?.['status'])?.['taskStartHistory'];
  return Array.isArray(starts) ? starts : [];
};

async function queued(world: World, names: readonly string[]): Promise<void> {
  for (const name of names) {
    world.add({}, name);
    await world.reconcile(name);
  }
}

describe('a quota', () => {
  test('that a Task gives back is offered to the next, however many run', async () => {
    const world = new World();
    world.agent({ quota: { maxTaskStarts: 2, windowSeconds: 3_600 } });
    await queued(world, ['a', 'b']);
    world.nowMs += 3_599_000;
    await queued(world, ['c']);
    world.nowMs += 1_000;
    world.cluster.refuse = (verb, kind) =>
      verb === 'create' && kind === 'Pod' ? { status: 403, message: 'exceeded quota' } : undefined;
    await world.reconcile('c');
    await queued(world, ['d', 'e']);
    expect(world.status('e').phase).toBe('Queued');
    const keys = woken(world);
    world.cluster.refuse = (verb, kind) =>
      verb === 'create' && kind === 'Pod' ? { status: 422, message: 'invalid' } : undefined;
    await world.reconcile('c');
    expect(world.status('c').phase).toBe('Failed');
    expect(keys).toContainEqual({ namespace: home, name: 'e' });
  });

  test('counts a Task once, and does not hold it up by itself, when our clock is behind', async () => {
    const world = new World();
    world.agent({ quota: { maxTaskStarts: 1, windowSeconds: 3_600 } });
    world.add();
    world.nowMs -= 30_000;
    world.cluster.refuse = (verb, kind, about) =>
      verb === 'writeStatus' && kind === 'Task' && 'metadata' in about ? 'unavailable' : undefined;
    await world.reconcile();
    world.nowMs += 3_000;
    await world.reconcile();
    world.cluster.refuse = undefined;
    world.nowMs += 3_000;
    await world.reconcile();
    expect(world.status().phase).toBe('Running');
    expect(history(world)).toHaveLength(1);
  });
});

describe('a template', () => {
  const { apiVersion, kind } = agentKinds.template;
  const template = { apiVersion, kind, metadata: { name: 'usual', namespace: home } };

  test('that goes wakes those that refer to it; one that comes back has them in line again', async () => {
    const world = new World();
    world.agent({ maxConcurrentTasks: 1 }, 'busy');
    world.put({ ...template, spec: { agentRef: 'busy' } });
    world.add({ agentRef: 'busy' }, 'first');
    world.add({ taskTemplateRef: { name: 'usual' } }, 'second');
    await world.reconcile('first');
    await world.reconcile('second');
    const keys = woken(world);
    world.cluster.drop({ kind: agentKinds.template, namespace: home, name: 'usual' });
    expect(keys).toEqual([{ namespace: home, name: 'second' }]);
    world.put({ ...template, spec: { agentRef: 'busy' } });
    expect(world.reconciler.load().agents).toEqual([{ namespace: home, agent: 'busy', queued: 1, capacity: 0 }]);
  });
});

test('a Task that we cannot deal with keeps nobody waiting', async () => {
  const world = new World();
  world.agent({ maxConcurrentTasks: 1 });
  world.add({}, 'a');
  world.add({}, 'b');
  world.cluster.refuse = (_verb, kind, about) => {
    if (kind === 'Task' && 'name' in about && about.name === 'a') throw new Error('a bug');
    return undefined;
  };
  await expect(world.reconcile('a')).rejects.toThrow('a bug');
  await world.reconcile('b');
  expect(world.status('b').phase).toBe('Running');
});

test('a Task is stopped though what it has printed cannot be kept', async () => {
  const world = new World();
  world.agent();
  world.add();
  await world.reconcile();
  world.pods.run(podPlace);
  world.cluster.setLog(podPlace, 'half of it');
  world.stop();
  world.cluster.refuse = (verb, kind) => (verb === 'create' && kind === 'ConfigMap' ? 'unavailable' : undefined);
  expect(await world.reconcile()).toMatchObject({ kind: 'retry' });
  expect(world.status().phase).toBe('Running');
  await world.after(31);
  expect(world.condition('Stopped')).toContain('True UserStopped');
  expect(world.names('pod')).toEqual([]);
});

test('what a Task of the same name has left in the cluster’s hands is waited for', async () => {
  const world = new World();
  world.agent({ contexts: [{ type: 'Text', text: 'Be brief.' }] });
  world.add();
  await world.reconcile();
  const left = world.cluster.all(agentKinds.configMap)[0];
  world.cluster.drop({ kind: agentKinds.task, ...key });
  await world.reconcile();
  expect(world.task()).toBeUndefined();
  // The garbage collector comes later.
  if (left !== undefined) world.put(left);
  world.nowMs += 1_000;
  world.add();
  expect(await world.reconcile()).toMatchObject({ kind: 'retry', why: expect.stringContaining('predecessor') });
  world.cluster.drop({ kind: agentKinds.configMap, namespace: home, name: 'fix-context' });
  await world.reconcile();
  expect(world.names('pod')).toEqual([`${home}/fix-pod`]);
});

test('a list that fails is asked for once by all who need it', async () => {
  const world = new World();
  world.agent({ maxConcurrentTasks: 12 });
  const all = Array.from({ length: 12 }, (_, index) => `t${index}`);
  for (const name of all) world.add({}, name);
  world.cluster.refuse = (verb) => (verb === 'refresh' ? 'unavailable' : undefined);
  const ends = await Promise.all(all.map((name) => world.reconcile(name)));
  expect(ends.filter(({ kind }) => kind === 'retry').length).toBeGreaterThan(0);
  expect(world.cluster.calls.get('refresh Task')).toBe(1);
});
