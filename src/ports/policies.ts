import type { PolicySnapshot } from '../policy/model.ts';
import type { PolicyDocument } from '../policy/parse-documents.ts';

/** Where policies come from: files or the cluster. Always the last good set: docs/decisions/0007-policies-last-good.md. */
export interface Policies {
  /** Undefined until a first complete set was read: until then every request is POLICIES_UNAVAILABLE. */
  current(): PolicySnapshot | undefined;
  /** What is wrong with sources that are present but not in use, e.g. a broken policy over a good one. */
  problems(): readonly PolicyProblem[];
}

/** Policies for people to look at: what is in force as it was written, next to what it means. */
export interface PolicyCatalogue extends Policies {
  /** The last good version of every policy and trust root; stand-ins for those that never were good are in `current` alone. */
  documents(): readonly GoodDocument[];
}

export type GoodDocument = Exclude<PolicyDocument, { readonly kind: 'problem' }>;

export interface PolicyProblem {
  /** File and document, or kind and name. */
  readonly where: string;
  readonly message: string;
  /** The object that it is about, as kind/name, where that is known. */
  readonly of?: string;
  /** What is in force instead, as a sentence. */
  readonly consequence?: string;
  /** Nothing is wrong yet: commands that end go on. */
  readonly isWarning?: true;
}
