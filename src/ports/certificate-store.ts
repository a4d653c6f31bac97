/**
 * The certificates that all replicas of an installation share: certificate authorities, the key of the newest of them,
 * and the serving certificate that every replica presents.
 */
import type { Result } from '../kernel/result.ts';

export interface CertificateFacts {
  /** Fingerprint. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface SharedAuthority extends CertificateFacts {
  /** PEM. */
  readonly cert: string;
}

export interface SharedServing extends CertificateFacts {
  readonly cert: string;
  readonly key: string;
  /** Which authority has signed it. */
  readonly issuer: string;
  /** Names that it should have and has not. */
  readonly missingNames: readonly string[];
}

export interface SharedCertificates {
  readonly kind: 'shared';
  readonly version: string;
  /** Oldest first; the last one signs. All of them belong into caBundle. */
  readonly authorities: readonly SharedAuthority[];
  /** Of the last authority. */
  readonly authorityKey: string;
  readonly serving: SharedServing;
}

export type StoredCertificates =
  | SharedCertificates
  | { readonly kind: 'absent' }
  /** It is ours and of no use. */
  | { readonly kind: 'damaged'; readonly version: string; readonly why: string }
  /** It is somebody else's: neither used nor overwritten. */
  | { readonly kind: 'foreign'; readonly why: string };

export type CertificateChange =
  /** A new authority. What is presented now, and who signed that, is kept, else there is a new serving certificate as well. */
  | { readonly kind: 'start over'; readonly keep?: SharedCertificates }
  | { readonly kind: 'add authority' }
  | { readonly kind: 'issue serving' }
  | { readonly kind: 'drop authorities'; readonly ids: readonly string[] };

export interface ReadCertificates {
  readonly stored: StoredCertificates;
  /** What the clock of the API server says, which is the one that will judge certificates. */
  readonly serverTime: number | undefined;
}

export interface CertificateStore {
  read(): Promise<Result<ReadCertificates>>;
  /** Gives false when somebody else has written since `stored` was read. */
  apply(stored: StoredCertificates, change: CertificateChange, now: Date): Promise<Result<boolean>>;
}
