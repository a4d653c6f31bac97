import type { ParsedTrustRoot } from '../policy/parse-trust-root.ts';

/** Looks into what a TrustRoot brings along, before it is stored. */
export interface TrustRootCheck {
  /** Why the TUF repository in it cannot be used, as a part of a sentence; nothing is fetched from anywhere. */
  problemOf(root: ParsedTrustRoot): Promise<string | undefined>;
}
