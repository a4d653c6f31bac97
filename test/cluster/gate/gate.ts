/** Everything of an installation that works: a registry, Countersign with a policy, webhooks registered with the API server. */
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newSigningKey, type SigningKey } from '../../../src/demo/images/signing-key.ts';
import { startRegistry, type DemoRegistry, type DemoRegistryOptions } from '../../../src/demo/registry/serve.ts';
import { kubeconfig } from '../access.ts';
import { until } from '../processes.ts';
import { connect, type Api, type ApiObject } from './api.ts';
import { refusal } from './refusal.ts';
import { install, register } from './installation.ts';
import { keyPolicy } from './policies.ts';
import { startWebhook, type WebhookProcess } from './webhook-process.ts';
import { pod, podSpec } from './workloads.ts';

export interface Gate {
  readonly api: Api;
  readonly registry: DemoRegistry;
  /** Of the policy `apps`, which is for all images of the registry. */
  readonly key: SigningKey;
  readonly policy: ApiObject;
  readonly webhook: WebhookProcess;
  /** For another process of the product: the rights that it has in a cluster, and the registry. */
  readonly flags: readonly string[];
  /** A namespace that has opted in. */
  readonly namespace: string;
  close(): Promise<void>;
}

export const optedIn = { 'policy.sigstore.dev/include': 'true' } as const;

/** `options` are the registry's; `flags` those of `serve`. */
export async function startGate(
  options: Pick<DemoRegistryOptions, 'access'> = {},
  flags: readonly string[] = [],
): Promise<Gate> {
  const stops: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const stop of stops.splice(0).toReversed()) await stop();
  };
  try {
    const api = connect(kubeconfig);
    stops.push(() => api.close());
    const registry = await startRegistry(options);
    stops.push(() => registry.close());
    const ownKubeconfig = join(tmpdir(), `countersign-gate-${process.pid}.kubeconfig`);
    await install(api, ownKubeconfig);
    stops.push(async () => rmSync(ownKubeconfig, { force: true }));
    const key = newSigningKey();
    const policy = keyPolicy('apps', registry.host, key);
    await api.apply(policy);
    stops.push(() => api.remove(policy));
    const own = [`--kubeconfig=${ownKubeconfig}`, `--insecure-registry=${registry.host}`];
    const webhook = await startWebhook([...own, ...flags]);
    stops.push(() => webhook.close());
    const registered = await register(api, webhook.url, webhook.caBundle);
    stops.push(() => registered.remove());
    const namespace = await api.namespace(optedIn);
    stops.push(() => api.remove({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }));
    await untilAsked(api, namespace);
    registry.reset();
    return { api, registry, key, policy, webhook, flags: own, namespace, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The API server takes a moment to notice that a webhook is registered. */
async function untilAsked(api: Api, namespace: string): Promise<void> {
  const attempt = (): Promise<unknown> =>
    api.create(pod(namespace, 'probe', podSpec('nowhere.invalid/probe')), { dryRun: true });
  const asked = await until(async () => (await refusal(attempt())).webhook !== '', 20_000);
  if (!asked) throw new Error('the API server does not ask the webhook');
}
