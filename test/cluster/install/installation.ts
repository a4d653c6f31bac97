/**
 * Countersign installed in the cluster as an administrator does it: `kubectl apply -k` of manifests/ with the image built
 * here. What only this machine needs (the image's name, a registry over plain HTTP) is a kustomization of its own on top.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { newSigningKey, type SigningKey } from '../../../src/demo/images/signing-key.ts';
import { startRegistry, type DemoRegistry } from '../../../src/demo/registry/serve.ts';
import { buildImage } from '../../image/build-image.ts';
import { clusterFacts, kubeconfig } from '../access.ts';
import { connect, type Api } from '../gate/api.ts';
import { until } from '../processes.ts';
import { runProgram } from './run-program.ts';

export const systemNamespace = 'countersign-system';

export interface Installation {
  readonly api: Api;
  readonly registry: DemoRegistry;
  /** Asks for a password that nobody has. */
  readonly closedRegistry: DemoRegistry;
  /** What signs images here. */
  readonly key: SigningKey;
  /** Gives what it printed; fails with what it said when it ends with anything but 0. */
  kubectl(...args: readonly string[]): Promise<string>;
  /** kubectl apply -k, until all replicas are ready. */
  apply(): Promise<void>;
  /** kubectl delete -k. */
  delete(): Promise<void>;
  /** Those that are ready and stay. */
  replicas(): Promise<readonly Replica[]>;
  /** What is worth knowing when something went wrong. */
  logs(): Promise<string>;
  close(): Promise<void>;
}

export interface Replica {
  readonly name: string;
  readonly address: string;
}

/** `env`: more settings of the program. */
export async function prepareInstallation(env: Readonly<Record<string, string>> = {}): Promise<Installation> {
  const { address, folder } = clusterFacts();
  if (address === undefined) throw new Error('an installation in the cluster needs a node');
  const stops: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const stop of stops.splice(0).toReversed()) await stop();
  };
  try {
    const api = connect(kubeconfig);
    stops.push(() => api.close());
    const registry = await startRegistry({ address });
    stops.push(() => registry.close());
    const closedRegistry = await startRegistry({
      address,
      access: { kind: 'basic', username: 'nobody', password: 'knows' },
    });
    stops.push(() => closedRegistry.close());
    pullOverHttp(folder, registry.host);
    await loadImage(folder);
    const insecure = [registry, closedRegistry].map(({ host }) => host).join(',');
    const overlay = makeOverlay({ COUNTERSIGN_INSECURE_REGISTRY: insecure, ...env });
    stops.push(() => rmSync(overlay, { recursive: true, force: true }));
    return { api, registry, closedRegistry, key: newSigningKey(), ...commands(api, overlay), close };
  } catch (error) {
    await close();
    throw error;
  }
}

function commands(api: Api, overlay: string): Pick<Installation, 'kubectl' | 'apply' | 'delete' | 'replicas' | 'logs'> {
  const kubectl: Installation['kubectl'] = (...args) =>
    runProgram(clusterFacts().kubectl, [`--kubeconfig=${kubeconfig}`, ...args]);
  const inSystem = ['-n', systemNamespace] as const;
  return {
    kubectl,
    async apply() {
      await kubectl('apply', '-k', overlay);
      await kubectl(...inSystem, 'rollout', 'status', 'deployment', '--timeout=90s');
    },
    async delete() {
      await kubectl('delete', '-k', overlay, '--ignore-not-found', '--wait', '--timeout=90s');
    },
    async replicas() {
      const { items } = await api.core.listNamespacedPod({
        namespace: systemNamespace,
        labelSelector: 'countersign.dev/admission=true',
      });
      return items
        .filter(({ metadata, status }) => metadata?.deletionTimestamp === undefined && isReady(status?.conditions))
        .map(({ metadata, status }) => ({ name: metadata?.name ?? '', address: status?.podIP ?? '' }));
    },
    async logs() {
      const states = await kubectl(...inSystem, 'get', 'pods,leases,endpointslices', '-o', 'wide');
      const events = await kubectl(...inSystem, 'get', 'events', '--sort-by=.lastTimestamp');
      const program = ['logs', '--prefix', '--tail=60', '--selector=app.kubernetes.io/name=countersign'];
      return [states, events, await kubectl(...inSystem, ...program)].join('\n');
    },
  };
}

function isReady(conditions: readonly { readonly type: string; readonly status: string }[] | undefined): boolean {
  return conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

/** Containerd reads it at every pull. */
function pullOverHttp(folder: string, host: string): void {
  const registry = join(folder, 'registries', host);
  mkdirSync(registry, { recursive: true });
  writeFileSync(join(registry, 'hosts.toml'), `[host."http://${host}"]\n  capabilities = ["pull", "resolve"]\n`);
}

async function loadImage(folder: string): Promise<void> {
  const { archive } = await buildImage();
  const socket = join(folder, 'containerd.sock');
  await runProgram('ctr', ['--address', socket, '--namespace', 'k8s.io', 'images', 'import', archive]);
}

/** `localhost/countersign:test` is the name that the built image has; nobody pulls it. */
function makeOverlay(env: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-install-'));
  const settings = Object.entries(env).map(([name, value]) => ({ name, value }));
  const container = { name: 'countersign', imagePullPolicy: 'Never', env: settings };
  const patch = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'countersign', namespace: systemNamespace },
    spec: { template: { spec: { containers: [container] } } },
  };
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    // kustomize wants a relative path.
    resources: [relative(folder, join(import.meta.dirname, '../../../manifests'))],
    images: [{ name: 'ghcr.io/countersign/countersign', newName: 'localhost/countersign', newTag: 'test' }],
    patches: [{ patch: JSON.stringify(patch) }],
  };
  writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization, undefined, 2));
  return folder;
}

/** Until `count` replicas are ready and no other one is left. */
export async function untilReplicas(installation: Installation, count: number): Promise<readonly Replica[]> {
  const settled = await until(async () => {
    const { items } = await installation.api.core.listNamespacedPod({ namespace: systemNamespace });
    return items.length === count && (await installation.replicas()).length === count;
  }, 60_000);
  if (!settled) throw new Error(`there are not ${count} replicas:\n${await installation.logs()}`);
  return installation.replicas();
}
