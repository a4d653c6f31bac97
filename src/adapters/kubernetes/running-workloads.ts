/** What runs in the cluster, for the background scan. */
import type { KubeConfig } from '@kubernetes/client-node';
import { fail, ok } from '../../kernel/result.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { RunningPod, RunningPods } from '../../ports/running-pods.ts';
import { usualLimits, type CallLimits } from './bounded-call.ts';
import { listPages } from './list-pages.ts';

export interface RunningPodsOptions {
  readonly kubeConfig: KubeConfig;
  /** `opted-in`: as the webhooks' namespaceSelector has it; `all`: but for those that have opted out. */
  readonly namespaces: 'opted-in' | 'all' | { readonly named: readonly string[] };
  /** Countersign's own namespace, which nothing is judged in. */
  readonly systemNamespace: string;
  readonly limits?: CallLimits;
}

/** A Pod has at most 1.5 MiB, and usually 10 KiB. */
const podLimits: CallLimits = { deadlineMs: 15_000, maxBytes: 64 * 1024 * 1024 };
const podsPerPage = 200;
const namespacesPerPage = 500;
const notEnded = 'status.phase!=Succeeded,status.phase!=Failed';

export function clusterRunningPods(options: RunningPodsOptions): RunningPods {
  const { kubeConfig, namespaces, systemNamespace, limits } = options;
  return {
    async namespaces(signal) {
      if (typeof namespaces === 'object') return ok(namespaces.named.toSorted());
      const labelSelector = selectorOf(namespaces, systemNamespace);
      const settings = { limits: limits ?? usualLimits, pageSize: namespacesPerPage };
      const listing = { title: 'namespaces', plural: 'namespaces', labelSelector, metadataOnly: true } as const;
      const names: string[] = [];
      for await (const page of listPages(kubeConfig, listing, settings, signal)) {
        if (!page.ok) return fail(page.failure);
        names.push(...page.value.flatMap((item) => textIn(item, 'name') ?? []));
      }
      return ok(names.sort());
    },
    async *pods(namespace, signal) {
      const settings = { limits: limits ?? podLimits, pageSize: podsPerPage };
      const listing = { title: `pods of ${namespace}`, plural: 'pods', namespace, fieldSelector: notEnded };
      for await (const page of listPages(kubeConfig, listing, settings, signal)) {
        yield page.ok ? ok(page.value.flatMap((item) => podOf(item, namespace))) : fail(page.failure);
      }
    },
  };
}

function selectorOf(which: 'opted-in' | 'all', systemNamespace: string): string {
  const never = `!policy.sigstore.dev/exclude,kubernetes.io/metadata.name notin (kube-system,${systemNamespace})`;
  return which === 'all' ? never : `policy.sigstore.dev/include=true,${never}`;
}

function podOf(item: unknown, namespace: string): readonly RunningPod[] {
  const object = asRecord(item);
  const name = textIn(item, 'name');
  const uid = textIn(item, 'uid');
  return object === undefined || name === undefined || uid === undefined ? [] : [{ namespace, name, uid, object }];
}

function textIn(object: unknown, member: string): string | undefined {
  const found = asRecord(asRecord(object)?.['metadata'])?.[member];
  return typeof found === 'string' ? found : undefined;
}
