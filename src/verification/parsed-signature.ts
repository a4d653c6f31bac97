import type { TransparencyLogEntry } from '@sigstore/bundle';
import type { SignedContent } from './signed-content.ts';

/** A signature of either format, parsed: what has been signed, and everything that came along to prove it. */
export interface ParsedSignature {
  readonly type: 'signature' | 'attestation';
  readonly predicateType?: string;
  readonly annotations: Readonly<Record<string, unknown>>;
  readonly content: SignedContent;
  /** DER; absent when signed with a bare key. */
  readonly certificate?: Uint8Array;
  /** DER of certificates that came with it. They are hints for a path, never anchors. */
  readonly intermediates: readonly Uint8Array[];
  readonly logEntries: readonly TransparencyLogEntry[];
  /** DER of RFC 3161 responses. */
  readonly timestamps: readonly Uint8Array[];
}
