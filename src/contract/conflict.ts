import type { FailureCode } from '../kernel/failure.ts';

/** Where an object is outside what a contract or a policy allows. */
export interface Conflict {
  readonly code: FailureCode;
  /** Inside the PodSpec, e.g. `containers[0].resources.limits.memory`; empty: the Pod as a whole. */
  readonly field: string;
  /** One sentence with the way out. */
  readonly message: string;
}

/** A value as it has to be, and what is wrong with the one that is there. */
export interface Settled<T> {
  readonly value: T;
  readonly conflicts: readonly Conflict[];
}
