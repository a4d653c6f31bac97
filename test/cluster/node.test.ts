import { setTimeout as sleep } from 'node:timers/promises';
import { BatchV1Api, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasNode } from './access.ts';
import { refusal } from './gate/refusal.ts';
import { startGate, type Gate } from './gate/gate.ts';
import { runnableImage, signed, type PushedImage } from './gate/images.ts';
import { pod } from './gate/workloads.ts';
import { until } from './processes.ts';

const runOnce = (image: string): object => ({ restartPolicy: 'Never', containers: [{ name: 'main', image }] });

describe.runIf(hasNode)('on a node', () => {
  let gate: Gate;

  beforeAll(async () => {
    gate = await startGate();
  });
  afterAll(() => gate?.close());

  const push = (repository: string, output: string): PushedImage =>
    runnableImage(gate.registry, repository, ['echo', output]);
  const pulls = ({ digest }: PushedImage): number =>
    gate.registry.log().filter(({ path, method }) => method === 'GET' && path.endsWith(`/manifests/${digest}`)).length;

  async function outputOf(name: string): Promise<string> {
    const target = { name, namespace: gate.namespace };
    const done = await until(
      async () => (await gate.api.core.readNamespacedPod(target)).status?.phase === 'Succeeded',
      40_000,
    );
    if (!done) throw new Error(`Pod ${name} has not ended well`);
    return gate.api.core.readNamespacedPodLog(target);
  }

  test('an admitted Pod pulls the digest that was verified, and runs to its end', async () => {
    // An image that the node has of no other suite.
    const output = `signed for ${gate.namespace}`;
    const image = signed(gate.registry, 'acme/good', push('acme/good', output), gate.key);
    await gate.api.create(pod(gate.namespace, 'good', runOnce(image.tagged)));
    expect(await outputOf('good')).toBe(`${output}\n`);
    const { status } = await gate.api.core.readNamespacedPod({ name: 'good', namespace: gate.namespace });
    expect(status?.containerStatuses?.[0]?.imageID).toContain(image.digest);
    expect(pulls(image)).toBeGreaterThan(0);
  });

  test('a refused Pod never exists, and nobody pulls its image', async () => {
    const image = push('acme/bad', 'unsigned');
    const object = pod(gate.namespace, 'bad', runOnce(image.tagged));
    expect(await refusal(gate.api.create(object))).toMatchObject({ code: 403 });
    expect(await gate.api.read(object)).toBeUndefined();
    await sleep(1_000);
    expect(gate.registry.log().filter(({ path }) => path.includes('acme/bad/blobs'))).toEqual([]);
  });

  test('a tag that is moved after admission changes nothing', async () => {
    const { api, key, namespace, registry } = gate;
    const batch = api.config.makeApiClient(BatchV1Api);
    const good = signed(registry, 'acme/moved', push('acme/moved', 'signed'), key);
    const spec = { suspend: true, template: { spec: runOnce(good.tagged) } };
    await api.create({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'moved', namespace }, spec });
    push('acme/moved', 'moved');
    const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
    await batch.patchNamespacedJob({ name: 'moved', namespace, body: { spec: { suspend: false } } }, merge);
    const podsOfJob = { namespace, labelSelector: 'job-name=moved' };
    await until(async () => (await api.core.listNamespacedPod(podsOfJob)).items.length === 1, 10_000);
    const [made] = (await api.core.listNamespacedPod(podsOfJob)).items;
    expect(await outputOf(made?.metadata?.name ?? '')).toBe('signed\n');
    expect(made?.spec?.containers[0]?.image).toBe(good.pinned);
  });
});
