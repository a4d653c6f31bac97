import type { PolicyStore } from './policy-store.ts';

/** Policies that follow their source while the program runs. */
export interface WatchedPolicies extends Pick<
  PolicyStore,
  'current' | 'problems' | 'documents' | 'usePublicTrustRoot'
> {
  /** Ends watching; what is in force stays. */
  close(): void;
}
