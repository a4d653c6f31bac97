/** A cluster whose one node only seems to run Pods, with the definitions of Countersign and a controller to be measured. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newSigningKey, type SigningKey } from '../../src/demo/images/signing-key.ts';
import { startRegistry, type DemoRegistry } from '../../src/demo/registry/serve.ts';
import { startCluster } from '../cluster/cluster.ts';
import { connect, type Api } from '../cluster/gate/api.ts';
import { install } from '../cluster/gate/installation.ts';
import { keyPolicy } from '../cluster/gate/policies.ts';
import { startPart, type WebhookProcess } from '../cluster/gate/webhook-process.ts';
import { startFakeNode } from './fake-node.ts';

export interface BenchCluster {
  readonly api: Api;
  readonly auditLog: string;
  /** Everything in it that is signed with the key is admitted. */
  readonly registry: DemoRegistry;
  readonly key: SigningKey;
  readonly folder: string;
  /** A namespace that has opted in. */
  readonly namespace: string;
  /** Ended with the cluster. */
  readonly startController: (flags: readonly string[]) => Promise<WebhookProcess>;
  /** In the opposite order, when everything was measured. */
  readonly stops: (() => unknown)[];
}

export async function withCluster<T>(measure: (cluster: BenchCluster) => Promise<T>): Promise<T> {
  const stops: (() => unknown)[] = [];
  try {
    const started = await startCluster({ node: false });
    if ('obstacle' in started) throw new Error(started.obstacle);
    const { cluster } = started;
    stops.push(() => cluster.stop());
    const api = connect(cluster.kubeconfig);
    stops.push(() => api.close());
    const registry = await startRegistry();
    stops.push(() => registry.close());
    const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
    stops.push(() => rmSync(folder, { recursive: true }));
    const kubeconfig = join(folder, 'countersign.kubeconfig');
    await install(api, kubeconfig);
    const node = await startFakeNode(api);
    stops.push(() => node.close());
    const key = newSigningKey();
    await api.apply(keyPolicy('bench', registry.host, key));
    const namespace = await api.namespace({ 'policy.sigstore.dev/include': 'true' });
    const startController = async (more: readonly string[]): Promise<WebhookProcess> => {
      const flags = [`--kubeconfig=${kubeconfig}`, `--insecure-registry=${registry.host}`, '--leader-elect=false'];
      // As the image starts it (Dockerfile), with the heap that Node takes where memory is limited to 512 MiB.
      process.env['NODE_OPTIONS'] = '--max-semi-space-size=16 --max-old-space-size=256';
      process.env['MALLOC_ARENA_MAX'] = '2';
      const controller = await startPart('controller', [...flags, ...more]);
      stops.push(() => controller.close());
      return controller;
    };
    return await measure({ api, auditLog: cluster.auditLog, registry, key, folder, namespace, startController, stops });
  } finally {
    for (const stop of stops.toReversed()) await stop();
  }
}
