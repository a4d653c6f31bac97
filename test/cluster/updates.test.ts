import { PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { hasCluster } from './access.ts';
import { refusal } from './gate/refusal.ts';
import { startGate, type Gate } from './gate/gate.ts';
import { signedImage, type PushedImage } from './gate/images.ts';
import { deployment, pod, podSpec } from './gate/workloads.ts';
import { until } from './processes.ts';

const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);

describe.runIf(hasCluster)('updates that bring no new image', () => {
  let gate: Gate;
  let signed: PushedImage;
  let target: { readonly name: string; readonly namespace: string };

  beforeAll(async () => {
    gate = await startGate();
    signed = signedImage(gate.registry, 'acme/app', gate.key);
    target = { name: 'app', namespace: gate.namespace };
    await gate.api.apply(deployment(gate.namespace, 'app', 0, podSpec(signed.tagged)));
    await gate.api.apply(pod(gate.namespace, 'app', podSpec(signed.tagged)));
    await settled();
  });
  beforeEach(() => gate.registry.reset());
  afterAll(() => gate?.close());

  /** The controller has seen everything and has as many Pods as it wants. */
  async function settled(replicas = 0): Promise<void> {
    const done = await until(async () => {
      const { metadata, status } = await gate.api.apps.readNamespacedDeployment(target);
      return status?.observedGeneration === metadata?.generation && (status?.replicas ?? 0) === replicas;
    }, 20_000);
    if (!done) throw new Error(`the Deployment has not got ${replicas} Pods`);
  }

  const asked = (): readonly string[] => gate.registry.log().map(({ method, path }) => `${method} ${path}`);

  test('scaling makes Pods without asking the registry', async () => {
    await gate.api.apps.patchNamespacedDeploymentScale({ ...target, body: { spec: { replicas: 3 } } }, merge);
    await settled(3);
    const { items } = await gate.api.core.listNamespacedPod({ namespace: gate.namespace });
    const images = items.flatMap(({ spec }) => spec?.containers.map(({ image }) => image) ?? []);
    expect(images).toEqual(Array(4).fill(signed.pinned));
    expect(asked()).toEqual([]);
  });

  test('a new label passes without asking the registry', async () => {
    const body = { metadata: { labels: { team: 'blue' } } };
    const changed = [
      await gate.api.apps.patchNamespacedDeployment({ ...target, body }, merge),
      await gate.api.core.patchNamespacedPod({ ...target, body }, merge),
    ];
    expect(changed.map(({ metadata }) => metadata?.labels?.['team'])).toEqual(['blue', 'blue']);
    expect(asked()).toEqual([]);
  });

  test('a new status passes without asking the registry', async () => {
    const conditions = [{ type: 'Tested', status: 'True' }];
    const changed = [
      await gate.api.apps.patchNamespacedDeploymentStatus({ ...target, body: { status: { conditions } } }, merge),
      await gate.api.core.patchNamespacedPodStatus({ ...target, body: { status: { conditions } } }, merge),
    ];
    expect(changed.map(({ status }) => status?.conditions?.some(({ type }) => type === 'Tested'))).toEqual([
      true,
      true,
    ]);
    expect(asked()).toEqual([]);
  });

  test('pass while the registry is down and the policy wants something else now', async () => {
    const { registry, api, namespace } = gate;
    const fails = { images: [{ glob: '**' }], authorities: [{ static: { action: 'fail' } }] };
    await api.apply({ ...gate.policy, spec: fails });
    const trial = pod(namespace, 'trial', podSpec(signed.pinned));
    const inForce = async (): Promise<boolean> => (await refusal(api.create(trial, { dryRun: true }))).code === 403;
    expect(await until(inForce, 10_000)).toBe(true);
    await registry.close();
    const body = { metadata: { annotations: { note: 'still here' } } };
    const changed = await api.core.patchNamespacedPod({ ...target, body }, merge);
    expect(changed.metadata?.annotations?.['note']).toBe('still here');
  });
});
