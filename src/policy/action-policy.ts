/**
 * ActionPolicy (countersign.dev/v1alpha1): what an image that policies name may do once its signatures passed. After
 * parsing: every default filled in, globs compiled.
 */
import type { Glob } from '../kernel/glob.ts';

/** On a Pod: the name of one more ActionPolicy for all its images. It can but restrict, so anybody may write it. */
export const actionPolicyAnnotation = 'countersign.dev/action-policy';

export type ActionMode = 'audit' | 'warn' | 'enforce';
export type PodSecurityLevel = 'privileged' | 'baseline' | 'restricted';
export type OnConflict = 'Override' | 'Deny';
export type DigestResolution = 'All' | 'PodsOnly' | 'Never';

export interface ActionPolicy {
  readonly name: string;
  readonly images: readonly Glob[];
  readonly mode: ActionMode;
  /** Namespaces in which a matched image may run; absent: all. */
  readonly namespaces?: readonly Glob[];
  /** Namespaces that an action may act on; absent: all. */
  readonly targets?: readonly Glob[];
  readonly contract: { readonly required: boolean; readonly onConflict: OnConflict };
  readonly digests: { readonly require: boolean; readonly resolve: DigestResolution };
  readonly podSecurity: PodSecurityLevel;
  /** `from: Contract`: the contract names the service account; `Workload`: the Pod does. `allow` absent: any. */
  readonly serviceAccounts: { readonly from: 'Contract' | 'Workload'; readonly allow?: readonly Glob[] };
  readonly exceptions: readonly ActionException[];
}

/** Until it expires, the policy does not count for these images, by digest, in these namespaces. */
export interface ActionException {
  readonly images: readonly Glob[];
  /** Absent: every namespace. */
  readonly namespaces?: readonly Glob[];
  readonly reason: string;
  readonly owner: string;
  readonly expires: Date;
}

/** What all ActionPolicies for one image in one namespace at one time demand together: restrictions add up. */
export interface ActionRules {
  /** Sorted; empty means that no ActionPolicy has a say. */
  readonly policies: readonly string[];
  /** The strictest. */
  readonly mode: ActionMode;
  /** One list per policy that has one; every list has to have a match. */
  readonly namespaces: readonly (readonly Glob[])[];
  readonly targets: readonly (readonly Glob[])[];
  readonly contract: { readonly required: boolean; readonly onConflict: OnConflict };
  readonly digests: { readonly require: boolean; readonly resolve: DigestResolution };
  readonly podSecurity: PodSecurityLevel;
  readonly serviceAccounts: { readonly from: 'Contract' | 'Workload'; readonly allow: readonly (readonly Glob[])[] };
}
