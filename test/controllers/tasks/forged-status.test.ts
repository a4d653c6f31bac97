/** A status is for the controller to write, but whoever may write it too must not get anywhere by it. */
import { describe, expect, test } from 'vitest';
import { agentKinds } from '../../../src/agents/kinds.ts';
import { names } from '../../../src/agents/model.ts';
import { home, key, World } from './world.ts';

const since = '2026-01-01T00:00:00Z';
const owed = { type: 'PodCreated', status: 'False', reason: 'Claimed', message: '', lastTransitionTime: since };
const made = { ...owed, status: 'True', reason: 'Created' };
const marked = { finalizers: [names.finalizer] };

function claimed(agentNamespace: string, podNamespace: string, podName: string, condition = owed): object {
  const agentRef = { namespace: agentNamespace, name: 'default' };
  return { phase: 'Running', startTime: since, agentRef, podName, podNamespace, conditions: [condition] };
}

describe('a status that somebody else has written', () => {
  test.each([
    ['in another namespace', 'bank', 'team-fix-pod'],
    ['in another namespace, under its name there', 'bank', 'fix-pod'],
    ['under a name that is not its own', home, 'payments'],
  ])('does not get a Pod %s', async (_where, namespace, name) => {
    const world = new World();
    world.agent({ serviceAccountName: 'default' });
    world.add({}, key.name, { ...marked, status: claimed(home, namespace, name) });
    await world.reconcile();
    expect(world.names('pod')).toEqual([`${home}/fix-pod`]);
    expect(world.names('configMap')).toEqual([`${home}/fix-context`]);
  });

  test('does not take the place of others with an Agent that its namespace may not use', async () => {
    const world = new World();
    world.agent({ maxConcurrentTasks: 1, allowedNamespaces: [home] }, 'default', 'bank');
    world.add({ agentRef: { name: 'default', namespace: 'bank' } }, 'theirs', {
      ...marked,
      namespace: 'evil',
      status: claimed('bank', 'evil', 'theirs-pod', made),
    });
    const uid = world.task('theirs', 'evil')?.metadata.uid ?? '';
    const metadata = { name: 'theirs-pod', namespace: 'evil', annotations: { [names.taskUidAnnotation]: uid } };
    world.put({ apiVersion: 'v1', kind: 'Pod', metadata, spec: {}, status: { phase: 'Running' } });
    world.add({ agentRef: { name: 'default', namespace: 'bank' } });
    await world.reconcile('theirs', 'evil');
    await world.reconcile();
    expect(world.status().phase).toBe('Running');
    expect(world.cluster.all(agentKinds.pod).map(({ metadata: { name } }) => name)).toContain('team-fix-pod');
  });
});
