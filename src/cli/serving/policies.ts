/** Policies in force, from files or from the cluster, with the public-good root that they may rest on. */
import { join } from 'node:path';
import { materialSources } from '../../adapters/materials/follow-materials.ts';
import { clusterPolicies, type ClusterPolicies } from '../../adapters/policies/custom-resources.ts';
import { watchPolicies } from '../../adapters/policies/directory.ts';
import type { WatchedPolicies } from '../../adapters/policies/watched-policies.ts';
import { keepFresh } from '../../adapters/sigstore/fresh-public-root.ts';
import { refreshPublicTrustRoot } from '../../adapters/sigstore/public-trust-root.ts';
import type { TrustRootSettings } from '../../adapters/sigstore/trust-roots.ts';
import type { ReadinessCheck } from '../../http/readiness.ts';
import { defined } from '../../kernel/defined.ts';
import type { Policies } from '../../ports/policies.ts';
import { readPublicTrustRoot } from '../evidence.ts';
import type { Foundation } from './foundation.ts';

export interface PoliciesInForce {
  readonly policies: WatchedPolicies;
  /** When they come from the cluster. */
  readonly fromCluster?: ClusterPolicies;
  readonly readiness: readonly ReadinessCheck[];
}

export async function startPolicies(base: Foundation): Promise<PoliciesInForce> {
  const { config, kubeConfig, log, metrics, onClose } = base;
  const common = {
    noMatch: config.onNoMatch,
    publicTrustRoot: readPublicTrustRoot(config.trustedRoot),
    log,
    trustRoots: trustRootSettings(config),
    materials: materialSources(process.env),
  };
  const fromCluster =
    config.policies.length > 0 || kubeConfig === undefined
      ? undefined
      : clusterPolicies({ ...common, kubeConfig, systemNamespace: config.namespace });
  const policies = fromCluster ?? (await watchPolicies({ ...common, paths: config.policies }));
  onClose(() => policies.close());
  metrics.policyProblems(() => policies.problems().length);
  const rootProblem = refreshRoot(base, policies);
  return {
    policies,
    ...defined('fromCluster', fromCluster),
    // A broken policy over a good one keeps no traffic away: docs/decisions/0007-policies-last-good.md
    readiness: [
      {
        name: 'policies',
        problem: () => (policies.current() === undefined ? notRead(policies) : undefined),
        warnings: () => policies.problems().map(({ where, message }) => `${where}: ${message}`),
      },
      {
        name: 'public-trust-root',
        problem: () => undefined,
        warnings: () => [rootProblem()].filter((sentence) => sentence !== undefined),
      },
    ],
  };
}

/** What was verified for the public root and for others is kept in one place, if anywhere. */
function trustRootSettings({
  publicRootCache,
  trustRootMinutes,
}: Pick<Foundation['config'], 'publicRootCache' | 'trustRootMinutes'>): TrustRootSettings {
  const cacheFolder = publicRootCache === undefined ? undefined : join(publicRootCache, 'trust-roots');
  return { ...defined('cacheFolder', cacheFolder), timing: { resync: trustRootMinutes * 60_000 } };
}

function refreshRoot({ config, clock, log, metrics, onClose }: Foundation, policies: WatchedPolicies) {
  const { publicRootCache } = config;
  if (publicRootCache === undefined) return () => undefined;
  const root = keepFresh({
    fetch: () => refreshPublicTrustRoot(publicRootCache),
    use: (fresh) => policies.usePublicTrustRoot(fresh),
    clock,
    log,
  });
  onClose(() => root.close());
  metrics.publicRootRefreshed(() => root.refreshedAt());
  return () => root.problem();
}

function notRead(policies: Policies): string {
  const [first] = policies.problems();
  const why = first === undefined ? '' : ` ${first.where}: ${first.message}`;
  return `No complete set of policies has been read yet.${why}`;
}
