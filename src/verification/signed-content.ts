import { createHash, timingSafeEqual, type KeyObject } from 'node:crypto';
import { dsse } from '@sigstore/core';
import type { SignedEntity } from '@sigstore/verify';
import type { HashAlgorithm } from '../policy/model.ts';
import { verifies, verifiesDigest } from './public-key.ts';

type Digesting = (hash: LoggedHash) => Buffer;
type LoggedHash = 'sha256' | 'sha384' | 'sha512';

/**
 * What was signed, in the form the library asks about it. The library's own classes tie the hash to SHA-256 or to the
 * key's default; policies may name another, and cosign uses several.
 */
export class SignedContent {
  /** What timestamps are of: mostly the signature. */
  readonly signature: Buffer;
  private readonly own: Buffer;
  private readonly digests: { readonly payload: Digesting; readonly message: Digesting };
  private readonly check: (key: KeyObject) => boolean;

  private constructor(
    signature: Uint8Array,
    digests: SignedContent['digests'],
    check: (key: KeyObject) => boolean,
    stamped = signature,
  ) {
    this.signature = Buffer.from(stamped);
    this.own = Buffer.from(signature);
    this.digests = digests;
    this.check = check;
  }

  static ofPayload(signature: Uint8Array, payload: Uint8Array, hash?: HashAlgorithm): SignedContent {
    const digest = digesting(payload);
    return new SignedContent(signature, { payload: digest, message: digest }, (key) =>
      verifies(key, payload, signature, hash),
    );
  }

  /**
   * in-toto statements in DSSE: what is signed is the pre-authentication encoding. secure-systems-lab/dsse protocol.md
   * Timestamps are of the signature, but cosign lets them be of the whole envelope where that is a layer of its own.
   */
  static ofEnvelope(
    signature: Uint8Array,
    payloadType: string,
    payload: Uint8Array,
    hash?: HashAlgorithm,
    stamped?: Uint8Array,
  ): SignedContent {
    const message = dsse.preAuthEncoding(payloadType, Buffer.from(payload));
    const digests = { payload: digesting(payload), message: digesting(message) };
    return new SignedContent(signature, digests, (key) => verifies(key, message, signature, hash), stamped);
  }

  /** When only the SHA-256 of what was signed is known. */
  static ofDigest(signature: Uint8Array, digest: Buffer): SignedContent {
    const known = (hash: LoggedHash): Buffer => (hash === 'sha256' ? digest : Buffer.alloc(0));
    return new SignedContent(signature, { payload: known, message: known }, (key) =>
      verifiesDigest(key, digest, signature),
    );
  }

  compareSignature(signature: Buffer): boolean {
    return equal(this.own, signature);
  }

  compareDigest(digest: Buffer): boolean {
    return isDigest(digest, this.digests.payload);
  }

  compareSignedDigest(digest: Buffer): boolean {
    return isDigest(digest, this.digests.message);
  }

  verifySignature(key: KeyObject): boolean {
    return this.check(key);
  }
}

// The library's interface is not exported by name; this line fails to compile when the class no longer fits it.
type Fits<T extends SignedEntity['signature']> = T;
export type SignedContentFits = Fits<SignedContent>;

/** Rekor records SHA-256, but of what cosign 3 signs with P-384, P-521 and Ed25519 keys the hash that it signs with. */
const hashOfLength: ReadonlyMap<number, LoggedHash> = new Map([
  [32, 'sha256'],
  [48, 'sha384'],
  [64, 'sha512'],
]);

function isDigest(digest: Buffer, digestBy: Digesting): boolean {
  const hash = hashOfLength.get(digest.length);
  return hash !== undefined && equal(digestBy(hash), digest);
}

function digesting(bytes: Uint8Array): Digesting {
  return (hash) => createHash(hash).update(bytes).digest();
}

function equal(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
