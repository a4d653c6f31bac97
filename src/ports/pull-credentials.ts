import type { Result } from '../kernel/result.ts';
import type { Credentials } from './registry.ts';

/** For whom an image is fetched: whose pull secrets may be used, and on what nodes it will run. */
export interface Workload {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly pullSecrets: readonly string[];
  /** Absent: on any. */
  readonly nodes?: NodePlatform;
}

/** As the Pod's node selector names it, in the words of OCI images. */
export interface NodePlatform {
  readonly os?: string;
  readonly architecture?: string;
}

/** Credentials are read lazily, from the workload's namespace only, and never logged. */
export interface PullCredentials {
  ofWorkload(workload: Workload): Credentials;
}

/** Which Secrets service accounts bring along, for Pods that are not there yet. */
export interface AccountPullSecrets {
  /** By name, each once; accounts that are not there bring none. */
  ofAccounts(namespace: string, accounts: readonly string[], signal: AbortSignal): Promise<Result<readonly string[]>>;
}
