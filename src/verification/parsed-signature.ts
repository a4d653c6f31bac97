import type { TransparencyLogEntry } from '@sigstore/bundle';
import type { Digest } from '../kernel/digest.ts';
import type { SignedContent } from './signed-content.ts';

/** What has been signed, and everything that came along to prove it. */
export interface SignedMaterial {
  readonly content: SignedContent;
  /** DER; absent when signed with a bare key. */
  readonly certificate?: Uint8Array;
  /** DER of certificates that came with it. They are hints for a path, never anchors. */
  readonly intermediates: readonly Uint8Array[];
  readonly logEntries: readonly TransparencyLogEntry[];
  /** DER of RFC 3161 responses. */
  readonly timestamps: readonly Uint8Array[];
}

/** A signature or attestation of an image, of either format, parsed. */
export interface ParsedSignature extends SignedMaterial {
  readonly type: 'signature' | 'attestation';
  readonly predicateType?: string;
  readonly annotations: Readonly<Record<string, unknown>>;
  /** Digest of the layer that it was stored as. */
  readonly layer: Digest;
  /** What the signature is known by, together with its certificate. */
  readonly named: Uint8Array;
  /** Of attestations: JSON text of the in-toto statement. */
  readonly statement?: string;
}
