/** Tasks and Pods as the controller of KubeOpenCode itself has left them. */
import { describe, expect, test } from 'vitest';
import { agentKinds } from '../../../src/agents/kinds.ts';
import { names } from '../../../src/agents/model.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import { home, key, podPlace, World } from './world.ts';

describe('Tasks of the controller before us', () => {
  const status = { phase: 'Running', podName: 'fix-pod', podNamespace: home, startTime: '2026-01-01T00:00:00Z' };
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'fix-pod', namespace: home, labels: { [names.taskLabel]: 'fix' } },
    spec: { containers: [{ name: 'agent', image: 'a' }] },
  };

  test('that run are taken over by the label of their Pod', async () => {
    const world = new World();
    world.agent();
    world.add({}, 'fix', { status, finalizers: [names.finalizer] });
    world.put(pod);
    world.pods.run(podPlace);
    await world.reconcile();
    expect(world.cluster.callCount()).toBe(0);
    world.pods.finish(podPlace);
    await world.reconcile();
    expect(world.status().phase).toBe('Completed');
    expect(world.made.size).toBe(1);
  });

  test('take what was made for them elsewhere with them, and nothing else', async () => {
    const world = new World();
    const elsewhere = { ...status, podName: `${home}-fix-pod`, podNamespace: 'agents' };
    world.agent({}, 'default', 'agents');
    const agentRef = { name: 'default', namespace: 'agents' };
    world.add({ agentRef }, 'fix', { status: elsewhere, finalizers: [names.finalizer] });
    const labels = { [names.taskLabel]: 'fix', [names.taskNamespaceLabel]: home };
    world.put({ ...pod, metadata: { name: `${home}-fix-pod`, namespace: 'agents', labels } });
    const file = { apiVersion: 'v1', kind: 'ConfigMap', data: {} };
    world.put({ ...file, metadata: { name: 'fix-context', namespace: 'agents', labels } });
    world.put({ ...file, metadata: { name: `${home}-fix-context`, namespace: 'agents' } });
    world.cluster.drop({ kind: agentKinds.task, ...key });
    await world.reconcile();
    expect(world.names('pod')).toEqual([]);
    expect(world.names('configMap')).toEqual([`agents/${home}-fix-context`]);
    expect(world.task()).toBeUndefined();
  });

  test('of another namespace take with them what was made under its names', async () => {
    const world = new World();
    const labels = { [names.taskLabel]: 'fix', [names.taskNamespaceLabel]: home };
    const away = { ...status, podName: 'team-fix-pod', podNamespace: 'agents' };
    world.add({}, 'fix', { status: away, finalizers: [names.finalizer] });
    world.put({ ...pod, metadata: { name: 'team-fix-pod', namespace: 'agents', labels } });
    const configMap = { apiVersion: 'v1', kind: 'ConfigMap' };
    world.put({ ...configMap, metadata: { name: 'fix-context', namespace: 'agents', labels } });
    const theirs = { ...labels, [names.taskNamespaceLabel]: 'other' };
    world.put({ ...configMap, metadata: { name: 'team-fix-context', namespace: 'agents', labels: theirs } });
    world.cluster.drop({ kind: agentKinds.task, ...key });
    await world.reconcile();
    expect([world.task(), world.names('pod'), world.names('configMap')]).toEqual([
      undefined,
      [],
      ['agents/team-fix-context'],
    ]);
  });

  test('whose Pod is gone are not run again', async () => {
    const world = new World();
    world.agent();
    world.add({}, 'fix', { status });
    await world.reconcile();
    expect(world.condition('Ready')).toContain('False PodLost');
    expect(world.made.size).toBe(0);
  });

  test('whose status was never written get the Pod that was made for them', async () => {
    const world = new World();
    world.agent();
    world.add();
    world.put(pod);
    await world.reconcile();
    expect(world.status().phase).toBe('Running');
    expect(world.made.size).toBe(1);
  });

  test('that are completed are not touched', async () => {
    const world = new World();
    world.add({}, 'fix', { status: { ...status, phase: 'Completed', completionTime: '2026-01-01T00:00:00Z' } });
    await world.reconcile();
    expect(world.cluster.callCount()).toBe(0);
    expect(asRecord(world.task()?.['status'])?.['phase']).toBe('Completed');
  });
});
