/** The cluster as a source of requests; loads the cluster's client, so it is imported when it is needed. */
import { loadKubeConfig } from '../../adapters/kubernetes/kube-config.ts';
import { clusterPullCredentials } from '../../adapters/kubernetes/pull-credentials.ts';
import type { RegistryFlags } from '../../config.ts';
import { defined } from '../../kernel/defined.ts';
import type { Terminal } from '../terminal.ts';
import { createTrial, type Trial } from '../trial.ts';
import { UsageError } from '../usage-error.ts';
import type { ReplayItem } from './item.ts';
import { liveObjects } from './live-objects.ts';

export interface LiveFlags extends RegistryFlags {
  readonly kubeconfig?: string;
  readonly inNamespace?: readonly string[];
  readonly allNamespaces?: true;
  readonly namespace: string;
}

export function liveSource(
  flags: LiveFlags,
  terminal: Terminal,
): { readonly items: AsyncIterable<ReplayItem>; readonly trial: Trial } {
  const loaded = loadKubeConfig(flags.kubeconfig);
  if (!loaded.ok) throw new UsageError(loaded.failure.message);
  const kubeConfig = loaded.value;
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const trial = createTrial(flags, terminal, ({ config }) =>
    clusterPullCredentials({ kubeConfig, log, ...defined('installation', config) }),
  );
  const every = flags.allNamespaces === true ? 'all' : 'opted-in';
  const namespaces = flags.inNamespace === undefined ? every : { named: flags.inNamespace };
  const options = { kubeConfig, namespaces, systemNamespace: flags.namespace } as const;
  return { items: liveObjects(options, new AbortController().signal), trial };
}
