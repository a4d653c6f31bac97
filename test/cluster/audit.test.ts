import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { json, run } from '../cli/run.ts';
import { chainOf, podA } from '../records/chains.ts';
import { hasNode, kubeconfig } from './access.ts';
import { startGate, type Gate } from './gate/gate.ts';
import { runnableImage, signed } from './gate/images.ts';
import { pod } from './gate/workloads.ts';
import { until } from './processes.ts';
import type { TarEntry } from './tar.ts';

describe.runIf(hasNode)('audit with a kubeconfig', () => {
  let gate: Gate;
  const [record] = chainOf(podA, [{ name: 'seen-through-the-cluster' }]);

  beforeAll(async () => {
    gate = await startGate();
  });
  afterAll(() => gate?.close());

  const audit = (...args: readonly string[]): ReturnType<typeof run> =>
    run('audit', ...args, '--kubeconfig', kubeconfig, '--namespace', gate.namespace);

  test('says when there is no installation', async () => {
    expect(await audit('list')).toMatchObject({
      code: 2,
      err: `countersign: no Pod with app.kubernetes.io/name=countersign runs in ${gate.namespace}\n`,
    });
  });

  test('asks a Pod for its decisions, through a port of its loopback', async () => {
    const entries: readonly TarEntry[] = [
      { kind: 'folder', path: 'www/', mode: 0o755 },
      { kind: 'folder', path: 'www/v1/', mode: 0o755 },
      { kind: 'file', path: 'www/v1/records', content: Buffer.from(`{"records":[${record?.line}]}`) },
    ];
    const command = ['httpd', '-f', '-p', '127.0.0.1:8080', '-h', '/www'];
    const pushed = runnableImage(gate.registry, 'acme/api', command, { entries });
    const image = signed(gate.registry, 'acme/api', pushed, gate.key);
    const object = pod(gate.namespace, 'api', { containers: [{ name: 'main', image: image.tagged }] });
    const labels = { 'app.kubernetes.io/name': 'countersign' };
    await gate.api.create({ ...object, metadata: { name: 'api', namespace: gate.namespace, labels } });
    const target = { name: 'api', namespace: gate.namespace };
    const isRunning = async (): Promise<boolean> =>
      (await gate.api.core.readNamespacedPod(target)).status?.phase === 'Running';
    expect(await until(isRunning, 40_000)).toBe(true);
    const ran = await audit('list', '-o', 'json');
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(json(ran)).toMatchObject([{ name: 'seen-through-the-cluster' }]);
  });
});
