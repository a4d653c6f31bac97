/** Jobs as the controller of KubeTask itself has left them. */
import { beforeEach, describe, expect, test } from 'vitest';
import { agentKinds } from '../../../src/agents/kinds.ts';
import type { KubeObject } from '../../../src/kernel/kube-object.ts';
import { job, second, task, World } from './world.ts';

let world: World;

beforeEach(() => {
  world = new World();
});

describe('what the controller before us has made', () => {
  /** As the controller of KubeTask itself makes it. */
  function adopted(status: object, spec: object = { backoffLimit: 6 }, jobName = 'update-job'): KubeObject {
    const { metadata } = world.addTask();
    const owner = {
      apiVersion: 'kubetask.io/v1alpha1',
      kind: 'Task',
      name: 'update',
      uid: metadata.uid,
      controller: true,
    };
    const labels = { app: 'kubetask', 'kubetask.io/task': 'update' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'agent', image: 'a' }] } };
    const made = { name: jobName, namespace: 'team', labels, ownerReferences: [owner] };
    return world.cluster.put({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: made,
      spec: { ...spec, template },
      status,
    });
  }

  test.each(['update-job', 'update-service-a-xyz123'])('goes on as %s, and is not made again', async (name) => {
    adopted({}, {}, name);
    await world.reconcile();
    expect(world.status).toMatchObject({ phase: 'Running', jobName: name });
    expect(world.cluster.all(agentKinds.job)).toHaveLength(1);
    world.cluster.setStatus({ ...job, name }, { succeeded: 1 });
    await world.after(1);
    expect(world.status).toMatchObject({ phase: 'Completed', completionTime: second(1) });
    expect(world.calls('create Job')).toBe(0);
  });

  test('also after that controller has written the status', async () => {
    adopted({});
    world.cluster.setStatus(task, { phase: 'Running', jobName: 'update-job', startTime: second(-60) });
    await world.reconcile();
    expect(world.cluster.callCount()).toBe(0);
    world.cluster.setStatus(job, { succeeded: 1 });
    await world.after(1);
    expect(world.status).toMatchObject({ phase: 'Completed', startTime: second(-60) });
  });

  test('has failed with its first Pod, and is stopped from trying again', async () => {
    adopted({ failed: 1 });
    await world.reconcile();
    expect(world.status.phase).toBe('Failed');
    expect(world.job).toBeUndefined();
  });

  test('that has failed and does not try again stays as it is', async () => {
    adopted({ failed: 1 }, { backoffLimit: 0 });
    await world.reconcile();
    expect(world.status.phase).toBe('Failed');
    expect(world.job).toBeDefined();
  });

  test('is left as it is when the Task has ended', async () => {
    adopted({ succeeded: 1 });
    world.cluster.setStatus(task, { phase: 'Completed', jobName: 'update-job' });
    await world.reconcile();
    expect(world.cluster.callCount()).toBe(0);
  });
});
