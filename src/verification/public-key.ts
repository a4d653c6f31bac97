import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';
import { ed25519ph } from '@noble/curves/ed25519.js';
import { p256 } from '@noble/curves/nist.js';
import { memoize } from '../kernel/memoize.ts';
import type { HashAlgorithm } from '../policy/model.ts';

export interface PublicKey {
  readonly key: KeyObject;
  readonly spki: Buffer;
  /** Lower-case hex SHA-256 of the SPKI. */
  readonly fingerprint: string;
}

/** PEM or base64 DER of an SPKI. Parsing costs a fifth of a verification, so keys are kept. */
export const publicKeyFromPem = memoize(1_000, (pem) => describe(createPublicKey(pem)));

export function describe(key: KeyObject): PublicKey {
  const spki = key.export({ type: 'spki', format: 'der' });
  return { key, spki, fingerprint: createHash('sha256').update(spki).digest('hex') };
}

/** cosign 3 signs P-384 with SHA-384 and P-521 with SHA-512; older versions with SHA-256. */
const curveHash: ReadonlyMap<string, HashAlgorithm> = new Map([
  ['secp384r1', 'sha384'],
  ['secp521r1', 'sha512'],
]);

function hashesFor(key: KeyObject, wanted: HashAlgorithm | undefined): readonly HashAlgorithm[] {
  if (wanted !== undefined) return [wanted];
  const own = curveHash.get(key.asymmetricKeyDetails?.namedCurve ?? '');
  return own === undefined ? ['sha256'] : ['sha256', own];
}

/** Whether `signature` is one of `message` by the key: ECDSA (DER), RSA PKCS #1 v1.5, Ed25519 or Ed25519ph. */
export function verifies(key: KeyObject, message: Uint8Array, signature: Uint8Array, wanted?: HashAlgorithm): boolean {
  if (key.asymmetricKeyType === 'ed25519') {
    return verify(null, message, key, signature) || verifiesPrehashed(key, message, signature);
  }
  if (key.asymmetricKeyType !== 'ec' && key.asymmetricKeyType !== 'rsa') return false;
  return hashesFor(key, wanted).some((hash) => verify(hash, message, key, signature));
}

/** cosign 3 signs with Ed25519ph, which node:crypto does not have. RFC 8032 §5.1 */
function verifiesPrehashed(key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  const { x } = key.export({ format: 'jwk' });
  return (
    signature.length === 64 &&
    x !== undefined &&
    ed25519ph.verify(signature, message, Buffer.from(x, 'base64url'), { zip215: false })
  );
}

/** ECDSA P-256 over a SHA-256 that somebody else computed, which node:crypto cannot do. */
export function verifiesDigest(key: KeyObject, digest: Uint8Array, signature: Uint8Array): boolean {
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return false;
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  return p256.verify(signature, digest, point, { prehash: false, lowS: false, format: 'der' });
}
