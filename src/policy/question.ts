import type { Digest } from '../kernel/digest.ts';
import type { AttestationDemand, HashAlgorithm, Identity, SignatureSource, TrustRoot } from './model.ts';

/**
 * What has to be found out before a verdict. Questions are data with content-addressed ids: equal questions of several
 * policies, containers and requests have one answer, and the id is the key under which it may be cached.
 */
export interface SignaturesQuestion extends QuestionParts {
  readonly kind: 'signatures';
}

/** Who attests what of an image: every demand must be met by an attestation of the wanted signer. */
export interface AttestationsQuestion extends QuestionParts {
  readonly kind: 'attestations';
  /** At least one. */
  readonly wanted: readonly AttestationDemand[];
}

interface QuestionParts {
  /** The image, and a hash over every other member. */
  readonly id: string;
  readonly image: PinnedImage;
  /** Absent: signatures are beside the image. */
  readonly source?: SignatureSource;
  /** Absent: any format. */
  readonly format?: 'legacy' | 'bundle';
  readonly trust: TrustQuestion;
  /** Every signature is to be proven, because a policy looks at all of them; else the first good one will do. */
  readonly everyOne?: true;
}

export type Question = SignaturesQuestion | AttestationsQuestion;

export interface PinnedImage {
  readonly registry: string;
  readonly repository: string;
  readonly digest: Digest;
}

/** Against what a signature is to be proven. */
export type TrustQuestion = KeyQuestion | CertificateQuestion;

export interface LogAndTime {
  /** required: a transparency log entry must be proven; ignored: entries are not looked at and vouch for no time. */
  readonly log:
    | {
        readonly demand: 'required';
        readonly root: TrustRoot;
        /** Where to ask for the entry of a signature that brings none along; absent: nowhere. */
        readonly lookUp?: string;
      }
    | { readonly demand: 'ignored' };
  /** Present: at least one RFC 3161 timestamp of this root must be proven. */
  readonly timestamps?: TrustRoot;
}

export interface KeyQuestion extends LogAndTime {
  readonly kind: 'key';
  /** PEM public keys; any of them may have signed. */
  readonly keys: readonly string[];
  readonly hashAlgorithm?: HashAlgorithm;
}

export interface CertificateQuestion extends LogAndTime {
  readonly kind: 'certificate';
  /** Certificate authorities and certificate transparency logs. */
  readonly root: TrustRoot;
  readonly sct: 'required' | 'ignored';
  /**
   * Whom the policy wants to have signed; alternatives. Verification does not look at it: it is here so that whoever
   * gathers evidence can tell with `satisfies` when to stop asking, and how long the answer may be remembered.
   */
  readonly identities: readonly Identity[];
}
