import { PatchStrategy, setHeaderOptions, type V1Pod } from '@kubernetes/client-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasCluster } from './access.ts';
import { startGate, type Gate } from './gate/gate.ts';
import { optedIn } from './gate/gate.ts';
import { signedImage, type PushedImage } from './gate/images.ts';
import { deployment, podSpec } from './gate/workloads.ts';
import { until } from './processes.ts';

const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);

describe.runIf(hasCluster)('a Deployment that is older than the gate', () => {
  let gate: Gate;
  let signed: PushedImage;
  let target: { readonly name: string; readonly namespace: string };

  beforeAll(async () => {
    gate = await startGate();
    signed = signedImage(gate.registry, 'acme/older', gate.key);
    const namespace = await gate.api.namespace({});
    target = { name: 'older', namespace };
    await gate.api.apply(deployment(namespace, 'older', 1, podSpec(signed.tagged)));
    if (!(await until(async () => (await pods()).length === 1, 20_000))) throw new Error('the Deployment has no Pod');
    await gate.api.core.patchNamespace({ name: namespace, body: { metadata: { labels: optedIn } } }, merge);
  });
  afterAll(() => gate?.close());

  async function pods(): Promise<readonly V1Pod[]> {
    return (await gate.api.core.listNamespacedPod({ namespace: target.namespace })).items;
  }

  test('gets one new ReplicaSet when it is restarted, and Pods that are pinned', async () => {
    const restarted = { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString() };
    const body = { spec: { template: { metadata: { annotations: restarted } } } };
    await gate.api.apps.patchNamespacedDeployment({ ...target, body }, merge);
    const images = async (): Promise<readonly unknown[]> =>
      (await pods()).map(({ spec }) => spec?.containers[0]?.image);

    expect(await until(async () => (await images()).includes(signed.pinned), 20_000)).toBe(true);
    // Time enough for a hundred more, were they made without end.
    await sleep(2_000);
    const replicaSets = await gate.api.apps.listNamespacedReplicaSet({ namespace: target.namespace });
    expect(replicaSets.items).toHaveLength(2);
    const { status } = await gate.api.apps.readNamespacedDeployment(target);
    expect(status?.collisionCount ?? 0).toBe(0);
  });
});
