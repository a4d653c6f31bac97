/**
 * What policies and trust roots say, after parsing: immutable data with everything optional resolved to its default.
 * A policy that cannot be used yet keeps its images and carries `notReady`: it refuses what it matches and says why.
 */
import type { Digest } from '../kernel/digest.ts';
import type { Glob } from '../kernel/glob.ts';
import type { Pattern } from '../kernel/pattern.ts';
import type { ActionPolicy } from './action-policy.ts';

export type Mode = 'enforce' | 'warn';
export type NoMatchPolicy = 'deny' | 'warn' | 'allow';

/** Where sigstore policy-controller has another outcome that users may rely on: docs/policy-controller.md */
export const compatibilities = [
  'tag-globs',
  'typemeta-of-pods',
  'log-of-trust-root',
  'static-needs-no-registry',
] as const;
export type Compatibility = (typeof compatibilities)[number];

/** Where policy-controller is installed. Policies that name it for their Secrets mean the namespace of the installation. */
export const usualSystemNamespace = 'cosign-system';

/** What policies are checked by when they are written, as far as installations differ in it. */
export interface PolicyRules {
  /** The only one that a secretRef may name. Absent: any; it is looked at when the Secret is. */
  readonly secretNamespace?: string;
  /** `fail-on-empty-authorities: "false"`: such a policy may be stored, and refuses what it matches. */
  readonly allowsNoAuthorities?: boolean;
}

export interface ClusterImagePolicy {
  readonly name: string;
  /** Hash over everything that decides: equal meaning, equal verdicts. Names of ready policies are not part of it. */
  readonly meaning: string;
  readonly images: readonly Glob[];
  /** Empty: every kind. Entries are alternatives. */
  readonly match: readonly MatchRule[];
  readonly mode: Mode;
  /** Alternatives: one that passes is enough. */
  readonly authorities: readonly Authority[];
  /** Must pass as well, over what the authorities have proven. It is asked only when one of them passes. */
  readonly policy?: ObjectPolicy;
  /** Sentences; not empty means that the policy refuses whatever it matches. */
  readonly notReady: readonly string[];
}

export type PolicyLanguage = 'cue' | 'rego' | 'cel';

/** Code that an author wrote; to be evaluated within limits, by the port PolicyLanguages. */
export interface PolicyCode {
  readonly language: PolicyLanguage;
  readonly text: string;
  /** Of the text. */
  readonly hash: Digest;
}

/** `spec.policy`: code over the results of the authorities and, on request, over image and object. */
export interface ObjectPolicy {
  readonly code: PolicyCode;
  /** The image's configuration, of every platform. */
  readonly fetchConfigFile: boolean;
  readonly includeSpec: boolean;
  readonly includeObjectMeta: boolean;
  readonly includeTypeMeta: boolean;
}

/** One entry of `attestations`: an attestation of that type, which passes the code. */
export interface AttestationDemand {
  readonly name: string;
  /** As written: one of cosign's short names, or a URI. */
  readonly predicateType: string;
  readonly policy?: PolicyCode;
}

export interface MatchRule {
  readonly group?: string;
  readonly version?: string;
  /** Lower-case plural, e.g. "pods". */
  readonly resource?: string;
  readonly selector?: LabelSelector;
}

export interface LabelSelector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly {
    readonly key: string;
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
    readonly values: readonly string[];
  }[];
}

export type Authority = StaticAuthority | KeyAuthority | KeylessAuthority;

export interface StaticAuthority {
  readonly kind: 'static';
  readonly name: string;
  readonly action: 'pass' | 'fail';
  readonly message: string;
}

/** What key and keyless authorities have in common. */
export interface SignatureOptions {
  readonly name: string;
  /** Where signatures are, when not beside the image. */
  readonly source?: SignatureSource;
  readonly ctlog?: { readonly url?: string; readonly trustRootRef?: string };
  /** Not empty: these attestations are demanded, all of them, and signatures are not looked at. */
  readonly attestations: readonly AttestationDemand[];
  /** A verified RFC 3161 timestamp of this TrustRoot is demanded. */
  readonly timestampTrustRootRef?: string;
  /** Absent: any format. */
  readonly signatureFormat?: 'legacy' | 'bundle';
}

export interface SignatureSource {
  /** Registry or repository, as written in the policy. */
  readonly oci?: string;
  readonly tagPrefix?: string;
  /** Names of Secrets in the workload's namespace; they replace the Pod's own. */
  readonly pullSecrets: readonly string[];
}

export type HashAlgorithm = 'sha224' | 'sha256' | 'sha384' | 'sha512';

export interface KeyAuthority extends SignatureOptions {
  readonly kind: 'key';
  /** PEM public keys (SPKI). Any of them may have signed. */
  readonly keys: readonly string[];
  /** Absent: SHA-256, then the one that fits the curve. */
  readonly hashAlgorithm?: HashAlgorithm;
}

export interface KeylessAuthority extends SignatureOptions {
  readonly kind: 'keyless';
  /** Alternatives. */
  readonly identities: readonly Identity[];
  /** Absent: the public-good root, unless caCert is there. */
  readonly trustRootRef?: string;
  readonly insecureIgnoreSct: boolean;
  /** PEM certificates that are the only accepted CAs. */
  readonly caCert?: string;
}

export interface Identity {
  readonly issuer: TextMatch;
  readonly subject: TextMatch;
}

/** Regular expressions are RE2 and, as in cosign, match anywhere unless they anchor themselves. */
export type TextMatch =
  | { readonly kind: 'exact'; readonly text: string }
  /** A subject that ends in "/*": everything below that address. */
  | { readonly kind: 'below'; readonly prefix: string }
  | { readonly kind: 'regexp'; readonly pattern: Pattern };

/** Trust material as configured; verification compiles it. */
export interface TrustRoot {
  readonly name: string;
  /** Hash of the content. */
  readonly generation: string;
  /** Protobuf-JSON text of a `dev.sigstore.trustroot.v1.TrustedRoot`, whatever form it was configured in. */
  readonly trustedRootJson: string;
  readonly notReady: readonly string[];
}

/** The name under which the public-good Sigstore root is kept in a snapshot; no CR can have it. */
export const publicTrustRoot = '(public-good)';

/** Everything a request is judged under, from its start to its end. */
export interface PolicySnapshot {
  /** Changes whenever anything below changes; decision records name it. */
  readonly generation: string;
  /** Sorted by name. */
  readonly policies: readonly ClusterImagePolicy[];
  readonly actionPolicies: readonly ActionPolicy[];
  readonly trustRoots: ReadonlyMap<string, TrustRoot>;
  readonly noMatch: NoMatchPolicy;
  /** In these the outcome is policy-controller's. */
  readonly compatibility: ReadonlySet<Compatibility>;
  readonly rules: PolicyRules;
}
