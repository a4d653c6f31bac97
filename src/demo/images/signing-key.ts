import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';

/** An ECDSA P-256 key, cosign's default. */
export interface SigningKey {
  readonly publicKeyPem: string;
  /** What cosign writes into a bundle to find the key again: base64 of the SPKI's SHA-256. */
  readonly hint: string;
  sign(message: Uint8Array): Buffer;
}

export function newSigningKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    hint: hintOf(publicKey),
    sign: (message) => sign('sha256', message, privateKey),
  };
}

function hintOf(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64');
}
