import { createHash, timingSafeEqual, type KeyObject } from 'node:crypto';
import { dsse } from '@sigstore/core';
import type { SignedEntity } from '@sigstore/verify';
import type { HashAlgorithm } from '../policy/model.ts';
import { verifies, verifiesDigest } from './public-key.ts';

/**
 * What was signed, in the form the library asks about it. The library's own classes tie the hash to SHA-256 or to the
 * key's default; policies may name another, and cosign uses several.
 */
export class SignedContent {
  readonly signature: Buffer;
  private readonly digests: { readonly payload: () => Buffer; readonly message: () => Buffer };
  private readonly check: (key: KeyObject) => boolean;

  private constructor(signature: Uint8Array, digests: SignedContent['digests'], check: (key: KeyObject) => boolean) {
    this.signature = Buffer.from(signature);
    this.digests = digests;
    this.check = check;
  }

  static ofPayload(signature: Uint8Array, payload: Uint8Array, hash?: HashAlgorithm): SignedContent {
    const digest = (): Buffer => sha256(payload);
    return new SignedContent(signature, { payload: digest, message: digest }, (key) =>
      verifies(key, payload, signature, hash),
    );
  }

  /** in-toto statements in DSSE: what is signed is the pre-authentication encoding. secure-systems-lab/dsse protocol.md */
  static ofEnvelope(
    signature: Uint8Array,
    payloadType: string,
    payload: Uint8Array,
    hash?: HashAlgorithm,
  ): SignedContent {
    const message = dsse.preAuthEncoding(payloadType, Buffer.from(payload));
    const digests = { payload: () => sha256(payload), message: () => sha256(message) };
    return new SignedContent(signature, digests, (key) => verifies(key, message, signature, hash));
  }

  /** When only the SHA-256 of what was signed is known. */
  static ofDigest(signature: Uint8Array, digest: Buffer): SignedContent {
    return new SignedContent(signature, { payload: () => digest, message: () => digest }, (key) =>
      verifiesDigest(key, digest, signature),
    );
  }

  compareSignature(signature: Buffer): boolean {
    return equal(this.signature, signature);
  }

  // Rekor records SHA-256 of the payload whatever hash was signed.
  compareDigest(digest: Buffer): boolean {
    return equal(this.digests.payload(), digest);
  }

  compareSignedDigest(digest: Buffer): boolean {
    return equal(this.digests.message(), digest);
  }

  verifySignature(key: KeyObject): boolean {
    return this.check(key);
  }
}

// The library's interface is not exported by name; this line fails to compile when the class no longer fits it.
type Fits<T extends SignedEntity['signature']> = T;
export type SignedContentFits = Fits<SignedContent>;

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function equal(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
