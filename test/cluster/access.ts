import { inject } from 'vitest';
import type { ClusterFacts } from './cluster.ts';

// Suites are declared with describe.runIf(hasCluster) or describe.runIf(hasNode); setup.ts says loudly what is missing.
const found = inject('cluster');
const facts = 'obstacle' in found ? undefined : found;

export const hasCluster = facts !== undefined;
export const hasNode = facts !== undefined && facts.withoutNode === undefined;
/** Of a user with all rights. */
export const kubeconfig = facts?.kubeconfig ?? '';

/** For suites that need more of the cluster than its API. */
export function clusterFacts(): ClusterFacts {
  if (facts === undefined) throw new Error('there is no cluster');
  return facts;
}
