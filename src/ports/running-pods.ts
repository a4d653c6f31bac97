import type { Result } from '../kernel/result.ts';

/** A Pod as the API server has it. */
export interface RunningPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly object: Readonly<Record<string, unknown>>;
}

/** What runs in the cluster, read page by page and kept by nobody. Failures are CLUSTER_UNAVAILABLE. */
export interface RunningPods {
  /** Those whose Pods are looked at, in order of their names. */
  namespaces(signal: AbortSignal): Promise<Result<readonly string[]>>;
  /** Pods that have not ended; the iteration ends with the first failure. */
  pods(namespace: string, signal: AbortSignal): AsyncIterable<Result<readonly RunningPod[]>>;
}
