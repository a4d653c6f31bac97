/** Tasks that are to end before they have done their work. */
import { describe, expect, test } from 'vitest';
import { agentKinds } from '../../../src/agents/kinds.ts';
import { home, key, podPlace, running, World } from './world.ts';

describe('stop', () => {
  test('of a Task that waits ends it at once, and nothing is made', async () => {
    const world = new World();
    world.agent({ maxConcurrentTasks: 1 });
    world.add({}, 'first');
    await world.reconcile('first');
    world.add();
    await world.reconcile();
    expect(world.status().phase).toBe('Queued');
    world.stop();
    await world.reconcile();
    expect(world.status().phase).toBe('Completed');
    expect(world.condition('Stopped')).toBe(
      'True UserStopped: Task stopped by user via kubeopencode.io/stop annotation while it was queued',
    );
    expect(world.names('pod')).toEqual([`${home}/first-pod`]);
  });

  test('of a Task that runs keeps the end of its log, and removes Pod and ConfigMap', async () => {
    const world = await running();
    world.cluster.setLog(podPlace, 'as far as it came');
    world.stop();
    await world.reconcile();
    expect(world.status().phase).toBe('Completed');
    expect(world.names('pod')).toEqual([]);
    expect(world.names('configMap')).toEqual([`${home}/fix-log`]);
    expect(world.cluster.all(agentKinds.configMap)[0]?.['data']).toEqual({ 'agent.log': 'as far as it came' });
    expect(world.told.at(-1)).toBe('Normal TaskStopped');
  });

  test('does not wait for a log for ever', async () => {
    const world = await running();
    world.stop();
    world.cluster.refuse = (verb) => (verb === 'logTail' ? 'unavailable' : undefined);
    await world.reconcile();
    expect(world.status().phase).toBe('Running');
    await world.after(31);
    expect(world.status().phase).toBe('Completed');
    expect(world.names('configMap')).toEqual([]);
  });

  test('of a Task whose Pod has ended by itself changes nothing', async () => {
    const world = await running();
    world.stop();
    world.pods.finish(podPlace);
    await world.reconcile();
    expect(world.condition('Stopped')).toBe('');
    expect(world.status().phase).toBe('Completed');
  });

  test('by its own timeout is said to be one', async () => {
    const world = await running({ timeout: '10m' });
    expect(await world.after(1)).toMatchObject({ requeueAfterMs: 599_000 });
    await world.after(599);
    expect(world.status().phase).toBe('Completed');
    expect(world.condition('Stopped')).toContain('True Timeout');
    expect(world.names('pod')).toEqual([]);
  });
});

describe('a Task that is deleted while it runs', () => {
  test('takes everything with it', async () => {
    const world = await running();
    world.cluster.drop({ kind: agentKinds.task, ...key });
    await world.reconcile();
    expect([world.task(), world.names('pod'), world.names('configMap')]).toEqual([undefined, [], []]);
  });

  test('takes everything with it from the namespace of its Agent, and leaves what is not its own', async () => {
    const world = new World();
    world.agent({}, 'shared', 'agents');
    world.add({ agentRef: { name: 'shared', namespace: 'agents' } });
    await world.reconcile();
    const place = { namespace: 'agents', name: 'team-fix-pod' };
    expect(world.names('pod')).toEqual(['agents/team-fix-pod']);
    expect(world.names('configMap')).toEqual(['agents/team-fix-context']);
    expect(world.cluster.all(agentKinds.pod)[0]?.metadata.ownerReferences).toBeUndefined();
    world.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'team-fix-log', namespace: 'agents' } });
    world.pods.run(place);
    await world.reconcile();
    world.cluster.drop({ kind: agentKinds.task, ...key });
    await world.reconcile();
    expect([world.task(), world.names('pod'), world.names('configMap')]).toEqual([
      undefined,
      [],
      ['agents/team-fix-log'],
    ]);
  });

  test('goes without a word when its Agent’s namespace is gone', async () => {
    const world = new World();
    world.agent({}, 'shared', 'agents');
    world.add({ agentRef: { name: 'shared', namespace: 'agents' } });
    await world.reconcile();
    world.pods.remove({ namespace: 'agents', name: 'team-fix-pod' });
    world.cluster.drop({ kind: agentKinds.configMap, namespace: 'agents', name: 'team-fix-context' });
    world.cluster.drop({ kind: agentKinds.task, ...key });
    await world.reconcile();
    expect(world.task()).toBeUndefined();
  });
});
