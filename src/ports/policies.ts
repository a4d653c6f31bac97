import type { PolicySnapshot } from '../policy/model.ts';

/** Where policies come from: files or the cluster. Always the last good set: docs/decisions/0007-policies-last-good.md. */
export interface Policies {
  /** Undefined until a first complete set was read: until then every request is POLICIES_UNAVAILABLE. */
  current(): PolicySnapshot | undefined;
  /** What is wrong with sources that are present but not in use, e.g. a broken policy over a good one. */
  problems(): readonly PolicyProblem[];
}

export interface PolicyProblem {
  /** File and document, or kind and name. */
  readonly where: string;
  readonly message: string;
  /** What is in force instead, as a sentence. */
  readonly consequence?: string;
}
