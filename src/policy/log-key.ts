/** Public keys of logs, as a trusted_root.json holds them. */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { always } from './parse-trust-root-json.ts';

export const logKeysWanted =
  'expected base64 of a PEM public key, ECDSA (P-256, P-384, P-521), Ed25519 or RSA (2048 bits)';

export interface LogKey {
  readonly publicKey: { readonly rawBytes: string; readonly keyDetails: string; readonly validFor: typeof always };
  readonly logId: { readonly keyId: string };
}

/** Undefined for what is no key, or none that is verified here. */
export function logKeyOf(pem: string): LogKey | undefined {
  try {
    if (/PRIVATE KEY/.test(pem)) return undefined;
    const key = createPublicKey(pem);
    const keyDetails = detailsOf(key);
    if (keyDetails === undefined) return undefined;
    const der = key.export({ type: 'spki', format: 'der' });
    return {
      publicKey: { rawBytes: der.toString('base64'), keyDetails, validFor: always },
      // The raw digest, not its hexadecimal text. RFC 6962 §3.2
      logId: { keyId: createHash('sha256').update(der).digest('base64') },
    };
  } catch {
    return undefined;
  }
}

const curves: ReadonlyMap<string | undefined, string> = new Map([
  ['prime256v1', 'PKIX_ECDSA_P256_SHA_256'],
  ['secp384r1', 'PKIX_ECDSA_P384_SHA_384'],
  ['secp521r1', 'PKIX_ECDSA_P521_SHA_512'],
]);

function rsaDetails(bits: number): string | undefined {
  if (bits >= 4096) return 'PKIX_RSA_PKCS1V15_4096_SHA256';
  if (bits >= 3072) return 'PKIX_RSA_PKCS1V15_3072_SHA256';
  return bits >= 2048 ? 'PKIX_RSA_PKCS1V15_2048_SHA256' : undefined;
}

function detailsOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): string | undefined {
  if (type === 'ed25519') return 'PKIX_ED25519';
  if (type === 'rsa') return rsaDetails(details?.modulusLength ?? 0);
  return type === 'ec' ? curves.get(details?.namedCurve) : undefined;
}
