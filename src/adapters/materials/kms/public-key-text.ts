/** Public keys in the forms in which services give them, as PEM; undefined for what is none. */
import { createPublicKey, type JsonWebKey } from 'node:crypto';

/** Base64 of a SubjectPublicKeyInfo. */
export function pemOfDer(base64: string): string | undefined {
  return attempt(() => createPublicKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'spki' }));
}

export function pemOfPem(pem: string): string | undefined {
  return /PRIVATE KEY/.test(pem) ? undefined : attempt(() => createPublicKey(pem));
}

export function pemOfJwk(jwk: JsonWebKey): string | undefined {
  return attempt(() => createPublicKey({ key: jwk, format: 'jwk' }));
}

/** Base64 of the 32 bytes of an Ed25519 key (RFC 8032). */
export function pemOfEd25519(base64: string): string | undefined {
  const bytes = Buffer.from(base64, 'base64');
  return bytes.length === 32 ? pemOfJwk({ kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') }) : undefined;
}

function attempt(read: () => ReturnType<typeof createPublicKey>): string | undefined {
  try {
    return read().export({ type: 'spki', format: 'pem' }).toString();
  } catch {
    return undefined;
  }
}
