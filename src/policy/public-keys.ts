import { createPublicKey } from 'node:crypto';

/**
 * The PEM public keys in a text: one or more blocks `PUBLIC KEY` or `RSA PUBLIC KEY`, given as the former, and nothing
 * else. policy-controller reads the first block and drops the rest silently; here every block counts and anything else is a
 * problem.
 */
export function parsePublicKeys(text: string): { ok: true; keys: readonly string[] } | { ok: false; problem: string } {
  if (text.length > maxLength) return { ok: false, problem: `key material is longer than ${maxLength} characters` };
  if (/PRIVATE KEY/.test(text))
    return { ok: false, problem: 'this is a private key: put the public key here, and change the key pair' };
  const blocks = text.match(/-----BEGIN ((?:RSA )?PUBLIC KEY)-----[A-Za-z0-9+/=\s]+-----END \1-----/g) ?? [];
  const rest = blocks.reduce((left, block) => left.replace(block, ''), text).trim();
  if (blocks.length === 0) return { ok: false, problem: 'expected a PEM block "PUBLIC KEY"' };
  if (rest !== '')
    return { ok: false, problem: 'there is text around the PEM blocks "PUBLIC KEY"; only those may be here' };
  for (const block of blocks) {
    const problem = keyProblem(block);
    if (problem !== undefined) return { ok: false, problem };
  }
  return { ok: true, keys: blocks.map(inSpki) };
}

/** RFC 8017 keys in the form of all others. */
function inSpki(block: string): string {
  if (!block.startsWith('-----BEGIN RSA')) return block;
  return createPublicKey(block).export({ type: 'spki', format: 'pem' }).toString().trim();
}

const maxLength = 64 * 1024;
const curves = ['prime256v1', 'secp384r1', 'secp521r1'];
const minRsaBits = 2048;

function keyProblem(pem: string): string | undefined {
  try {
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = createPublicKey(pem);
    if (type === 'ed25519') return undefined;
    if (type === 'ec')
      return curves.includes(details?.namedCurve ?? '') ? undefined : 'the curve is not P-256, P-384 or P-521';
    if (type === 'rsa')
      return (details?.modulusLength ?? 0) >= minRsaBits ? undefined : `RSA keys need at least ${minRsaBits} bits`;
    return `keys of type ${type ?? 'unknown'} are not supported: use ECDSA, RSA or Ed25519`;
  } catch {
    return 'the PEM block does not hold a public key';
  }
}
