import type { Digest } from '../kernel/digest.ts';
import type { Failure, FailureCode } from '../kernel/failure.ts';

/**
 * What was found at a registry for an image, unparsed: everything in here is written by whoever can push there.
 * Fetching has checked digests and sizes; verification checks the rest.
 */
export type SignatureArtifact = LegacySignature | LegacyAttestation | BundleSignature;

/** One layer of a `sha256-….sig` manifest. sigstore/cosign specs SIGNATURE_SPEC.md */
export interface LegacySignature {
  readonly format: 'legacy';
  /** The simple-signing payload: the bytes that were signed. */
  readonly payload: Uint8Array;
  readonly annotations: Readonly<Record<string, string>>;
}

/** One layer of a `sha256-….att` manifest. sigstore/cosign specs ATTESTATION_SPEC.md */
export interface LegacyAttestation {
  readonly format: 'legacy-attestation';
  /** JSON of a DSSE envelope. */
  readonly envelope: Uint8Array;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A Sigstore bundle that refers to the image. */
export interface BundleSignature {
  readonly format: 'bundle';
  /** JSON of a `dev.sigstore.bundle.v1.Bundle`. */
  readonly bundle: Uint8Array;
}

/** Who signed what, proven; or why nothing was proven. Whether the signer is wanted is for the policy to say. */
export type SignatureFact = VerifiedSignature | RejectedSignature;

export interface VerifiedSignature {
  readonly verified: true;
  readonly format: 'legacy' | 'bundle';
  readonly type: 'signature' | 'attestation';
  readonly signer: Signer;
  /** in-toto predicate type of bundles. */
  readonly predicateType?: string;
  /** Annotations that the signer bound to the image (`cosign sign -a`). */
  readonly annotations: Readonly<Record<string, unknown>>;
  /** Transparency logs that vouch for it: base URL and index. */
  readonly log?: { readonly url: string; readonly index: string };
  /** Proven time of signing (earliest), ISO 8601. */
  readonly time?: string;
  /** Lower-case hex SHA-256 of the signature's bytes and the certificate's PEM: what policies know it by. */
  readonly id?: string;
  /** Digest of the layer that it was stored as. */
  readonly layer?: Digest;
  /** Of attestations: JSON text of the in-toto statement. Not kept once the policies about it were asked. */
  readonly statement?: string;
  /** Of attestations: what each demand that has this predicate type says of it. */
  readonly checks?: readonly AttestationCheck[];
}

/** Absent `refusal`: the attestation is what the demand asks for. */
export interface AttestationCheck {
  /** Its place in the question's `wanted`: names need not be unique. */
  readonly demand: number;
  readonly refusal?: Failure;
}

export type Signer =
  | {
      readonly kind: 'key';
      /** Lower-case hex SHA-256 of the SPKI DER. */
      readonly fingerprint: string;
    }
  | {
      readonly kind: 'certificate';
      readonly issuer: string;
      /** Every subject alternative name: URI, email, DNS, IP and Fulcio's otherName. */
      readonly subjects: readonly string[];
      /** Fulcio's GitHub extensions by name (githubWorkflowTrigger, …Sha, …Name, …Repository, …Ref) where present. */
      readonly extensions: Readonly<Record<string, string>>;
    };

export interface RejectedSignature {
  readonly verified: false;
  readonly format: 'legacy' | 'bundle';
  readonly type: 'signature' | 'attestation';
  readonly code: FailureCode;
  readonly message: string;
  readonly predicateType?: string;
}
