import { createHash, timingSafeEqual, type KeyObject } from 'node:crypto';
import { dsse } from '@sigstore/core';
import type { SignedEntity } from '@sigstore/verify';
import type { HashAlgorithm } from '../policy/model.ts';
import { verifies } from './public-key.ts';

/**
 * What was signed, in the form the library asks about it. The library's own classes tie the hash to SHA-256 or to the
 * key's default; policies may name another, and cosign uses several.
 */
export class SignedContent {
  readonly signature: Buffer;
  private readonly payload: Uint8Array;
  private readonly message: Uint8Array;
  private readonly hash: HashAlgorithm | undefined;

  private constructor(
    signature: Uint8Array,
    payload: Uint8Array,
    message: Uint8Array,
    hash: HashAlgorithm | undefined,
  ) {
    this.signature = Buffer.from(signature);
    this.payload = payload;
    this.message = message;
    this.hash = hash;
  }

  static ofPayload(signature: Uint8Array, payload: Uint8Array, hash?: HashAlgorithm): SignedContent {
    return new SignedContent(signature, payload, payload, hash);
  }

  /** in-toto statements in DSSE: what is signed is the pre-authentication encoding. secure-systems-lab/dsse protocol.md */
  static ofEnvelope(
    signature: Uint8Array,
    payloadType: string,
    payload: Uint8Array,
    hash?: HashAlgorithm,
  ): SignedContent {
    return new SignedContent(signature, payload, dsse.preAuthEncoding(payloadType, Buffer.from(payload)), hash);
  }

  compareSignature(signature: Buffer): boolean {
    return equal(this.signature, signature);
  }

  // Rekor records SHA-256 of the payload whatever hash was signed.
  compareDigest(digest: Buffer): boolean {
    return equal(sha256(this.payload), digest);
  }

  compareSignedDigest(digest: Buffer): boolean {
    return equal(sha256(this.message), digest);
  }

  verifySignature(key: KeyObject): boolean {
    return verifies(key, this.message, this.signature, this.hash);
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
