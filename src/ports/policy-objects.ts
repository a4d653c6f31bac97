import type { MaterialProblems } from '../policy/compile.ts';
import type { PolicyDocument } from '../policy/parse-documents.ts';

export type PolicyKind = 'ClusterImagePolicy' | 'ActionPolicy' | 'TrustRoot';

/**
 * What requests are judged under for the sake of an object: itself as it is written now, its last good version, or
 * something that refuses all that needs it. `nothing-of-it`: what was in force before it came, without it. `nothing`: no
 * policy is in force at all.
 */
export type InForce = 'as-written' | 'last-good' | 'refuses' | 'nothing-of-it' | 'nothing';

/** An object of the cluster that makes policy, and what came of it. */
export interface PolicyObject {
  readonly kind: PolicyKind;
  readonly name: string;
  /** As the API server has it, with its status. */
  readonly object: unknown;
  /** What it says now. */
  readonly document: PolicyDocument;
  readonly inForce: InForce;
  /** What is wrong with it although it can be read, e.g. that what it names cannot be had; a sentence each. */
  readonly problems?: readonly string[];
  /** Of a policy that names keys or code. */
  readonly materials?: PolicyMaterials;
}

/** What is wrong with the keys and the code that a policy names. */
export interface PolicyMaterials {
  /** Cannot be had: the policy refuses what it matches. */
  readonly lacks: MaterialProblems;
  /** Cannot be read again: what was read before is in force. */
  readonly stale: MaterialProblems;
}

export interface PolicyObjects {
  /** Undefined until everything was read for the first time. */
  objects(): readonly PolicyObject[] | undefined;
  /** Calls back after any of this has changed; returns how to stop. */
  onChange(listener: () => void): () => void;
}
