import type { Credentials } from './registry.ts';

/** Whose pull secrets a workload may use. */
export interface Workload {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly pullSecrets: readonly string[];
}

/** Credentials are read lazily, from the workload's namespace only, and never logged. */
export interface PullCredentials {
  ofWorkload(workload: Workload): Credentials;
}
