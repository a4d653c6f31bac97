/** What the cluster has, as if it came now. */
import type { KubeConfig } from '@kubernetes/client-node';
import { listPages } from '../../adapters/kubernetes/list-pages.ts';
import { clusterRunningPods } from '../../adapters/kubernetes/running-workloads.ts';
import { defined } from '../../kernel/defined.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import { textAt, type ReplayItem } from './item.ts';

export interface LiveOptions {
  readonly kubeConfig: KubeConfig;
  readonly namespaces: Parameters<typeof clusterRunningPods>[0]['namespaces'];
  /** Countersign's own namespace. */
  readonly systemNamespace: string;
}

interface Kind {
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
  readonly fieldSelector?: string;
}

const kinds: readonly Kind[] = [
  { group: '', kind: 'Pod', plural: 'pods', fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed' },
  { group: '', kind: 'ReplicationController', plural: 'replicationcontrollers' },
  { group: 'apps', kind: 'Deployment', plural: 'deployments' },
  { group: 'apps', kind: 'ReplicaSet', plural: 'replicasets' },
  { group: 'apps', kind: 'StatefulSet', plural: 'statefulsets' },
  { group: 'apps', kind: 'DaemonSet', plural: 'daemonsets' },
  { group: 'batch', kind: 'Job', plural: 'jobs' },
  { group: 'batch', kind: 'CronJob', plural: 'cronjobs' },
];

const settings = { limits: { deadlineMs: 15_000, maxBytes: 64 * 1024 * 1024 }, pageSize: 200 };

export async function* liveObjects(options: LiveOptions, signal: AbortSignal): AsyncGenerator<ReplayItem> {
  const names = await clusterRunningPods(options).namespaces(signal);
  if (!names.ok) {
    yield { kind: 'unreachable', where: 'namespaces', why: names.failure.message };
    return;
  }
  const wanted = new Set(names.value);
  // All namespaces in one go, unless they are named: a cluster has hundreds.
  const places = typeof options.namespaces === 'object' ? names.value : [undefined];
  for (const kind of kinds)
    for (const place of places) yield* objectsOf(options.kubeConfig, kind, place, wanted, signal);
}

async function* objectsOf(
  kubeConfig: KubeConfig,
  { group, kind, plural, fieldSelector }: Kind,
  place: string | undefined,
  wanted: ReadonlySet<string>,
  signal: AbortSignal,
): AsyncGenerator<ReplayItem> {
  const listing = {
    title: plural,
    plural,
    ...defined('namespace', place),
    ...defined('group', group === '' ? undefined : { name: group, version: 'v1' }),
    ...defined('fieldSelector', fieldSelector),
  };
  for await (const page of listPages(kubeConfig, listing, settings, signal)) {
    if (!page.ok) {
      yield { kind: 'unreachable', where: plural, why: page.failure.message };
      return;
    }
    const apiVersion = group === '' ? 'v1' : `${group}/v1`;
    for (const item of page.value) yield* itemOf(item, { apiVersion, kind }, wanted);
  }
}

/** What a controller keeps is judged by what it keeps it from; but Pods are what runs. */
function* itemOf(
  item: unknown,
  { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
  wanted: ReadonlySet<string>,
): Generator<ReplayItem> {
  const object = asRecord(item);
  const metadata = asRecord(object?.['metadata']);
  const [namespace, name] = [textAt(metadata, 'namespace'), textAt(metadata, 'name')];
  if (namespace === undefined || name === undefined || !wanted.has(namespace)) return;
  const owners = metadata?.['ownerReferences'];
  const isKept = Array.isArray(owners) && owners.some((owner) => asRecord(owner)?.['controller'] === true);
  if (isKept && kind !== 'Pod') return;
  const document = { apiVersion, kind, namespace, name, object: { apiVersion, kind, ...object } };
  yield { kind: 'review', where: `${kind} ${namespace}/${name}`, document, recorded: 'admit' };
}
