/** Tasks whose Pod waits: for how long, and what is said of it. */
import { beforeEach, describe, expect, test } from 'vitest';
import { agentKinds } from '../../../src/agents/kinds.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import { begun, job, jobPlace, World } from './world.ts';

let world: World;

beforeEach(() => {
  world = new World();
});

describe('a Pod that does not come up', () => {
  const rows = [
    ['ErrImagePull', 'manifest unknown', 'ImagePullFailed'],
    ['ImagePullBackOff', 'Back-off pulling image "registry.example/agent:v1"', 'ImagePullFailed'],
    ['InvalidImageName', 'invalid reference', 'ImagePullFailed'],
    ['CreateContainerConfigError', 'secret "github-creds" not found', 'ConfigurationError'],
    ['CreateContainerError', 'no command specified', 'ConfigurationError'],
  ] as const;
  test.each(rows)('because of %s: %s, for 30 seconds: %s, and nothing is left', async (reason, message, expected) => {
    await begun(world);
    world.kubelet.wait(jobPlace, reason, message);
    expect(await world.after(1)).toEqual({ kind: 'settled', requeueAfterMs: 30_000 });
    expect(world.status).toMatchObject({ phase: 'Running' });
    expect(world.waiting).toBe(reason);
    await world.after(29);
    expect(world.status.phase).toBe('Running');
    await world.after(1);
    expect(world.failure).toMatchObject({ reason: expected, message: expect.stringContaining(message) });
    expect(world.waiting).toBeUndefined();
    expect(world.made).toEqual([]);
  });

  test('and then does: nothing is said of it any more', async () => {
    await begun(world);
    world.kubelet.wait(jobPlace, 'CreateContainerConfigError', 'secret "late" not found');
    await world.after(1);
    await world.after(20);
    world.kubelet.run(jobPlace);
    await world.after(5);
    expect(world.status).toMatchObject({ phase: 'Running', conditions: [] });
    await world.after(60);
    expect(world.status.phase).toBe('Running');
  });

  test('because its registry is away: waits as long as it takes', async () => {
    await begun(world);
    world.kubelet.wait(jobPlace, 'ErrImagePull', 'dial tcp: i/o timeout');
    for (let count = 0; count < 20; count += 1) await world.after(30);
    expect(world.status.phase).toBe('Running');
    expect(world.waiting).toBe('ErrImagePull');
  });

  test('because no node has room: waits as long as it takes, and says so once', async () => {
    await begun(world);
    world.kubelet.unschedulable(jobPlace, '0/3 nodes are available');
    for (let count = 0; count < 20; count += 1) await world.after(30);
    expect(world.status.phase).toBe('Running');
    expect(world.waiting).toBe('Unschedulable');
    expect(world.calls('writeStatus Task')).toBe(3);
  });

  test.each([
    'MountVolume.SetUp failed for volume "credential-0" : secret "ssh-keys" not found',
    'MountVolume.SetUp failed for volume "credential-0" : references non-existent secret key: id_rsa',
    'MountVolume.SetUp failed for volume "dir-mount-0" : configmap "my-configs" not found',
  ])('because of %s: 30 seconds after it is known', async (message) => {
    await begun(world);
    world.kubelet.startJobs();
    world.warnOfPod('FailedMount', message);
    expect(await world.after(1)).toEqual({ kind: 'settled', requeueAfterMs: 9_000 });
    await world.after(9);
    expect(world.waiting).toBe('FailedMount');
    await world.after(30);
    expect(world.failure).toMatchObject({ reason: 'ConfigurationError', message: expect.stringContaining(message) });
    expect(world.made).toEqual([]);
  });

  test('because its image is large: what was told of its volumes before does not count any more', async () => {
    await begun(world);
    world.kubelet.startJobs();
    world.warnOfPod('FailedMount', 'MountVolume.SetUp failed for volume "credential-0" : secret "late" not found');
    await world.after(10);
    expect(world.waiting).toBe('FailedMount');
    const pod = world.kubelet.podOf(jobPlace);
    const ready = { type: 'PodReadyToStartContainers', status: 'True' };
    const conditions = [{ type: 'PodScheduled', status: 'True' }, ready];
    const place = { kind: agentKinds.pod, namespace: 'team', name: pod?.metadata.name ?? '' };
    world.cluster.setStatus(place, { ...asRecord(pod?.['status']), conditions });
    for (let count = 0; count < 10; count += 1) await world.after(30);
    expect(world.status.phase).toBe('Running');
  });

  test('because a volume takes its time: waits', async () => {
    await begun(world);
    world.kubelet.startJobs();
    world.warnOfPod('FailedMount', 'MountVolume.SetUp failed: timed out waiting for the condition');
    for (let count = 0; count < 10; count += 1) await world.after(30);
    expect(world.status.phase).toBe('Running');
  });

  test.each([
    ['Error creating: admission webhook "gate.example" denied the request: SIGNATURE_MISSING: none', 'Refused'],
    ['Error creating: pods "x" is forbidden: violates PodSecurity "restricted:latest": privileged', 'Refused'],
    [
      'Error creating: pods "x" is forbidden: error looking up service account team/agent: not found',
      'ConfigurationError',
    ],
  ])('because it may not be made (%s): %s', async (message, reason) => {
    await begun(world);
    world.cluster.warn(job, { reason: 'FailedCreate', message });
    await world.after(10);
    expect(world.waiting).toBe('PodNotCreated');
    await world.after(30);
    expect(world.failure).toMatchObject({ reason });
    expect(world.made).toEqual([]);
  });

  test.each([
    'Error creating: pods "x" is forbidden: exceeded quota: small, requested: pods=1',
    'Error creating: Internal error occurred: failed calling webhook "gate.example": timeout',
  ])('because it may not be made for now (%s): waits', async (message) => {
    await begun(world);
    world.cluster.warn(job, { reason: 'FailedCreate', message });
    for (let count = 0; count < 10; count += 1) await world.after(30);
    expect(world.status.phase).toBe('Running');
    expect(world.waiting).toBe('PodNotCreated');
  });
});
