import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { generate } from 'selfsigned';
import { fail, ok, type Result } from '../../kernel/result.ts';

/** A certificate with its private key, PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export const dayMs = 24 * 3600 * 1000;
const authorityDays = 365;
export const servingDays = 90;
/** Clocks of API servers differ. */
const backdateMs = 3600 * 1000;

/** Milliseconds from now to their end. */
export interface Lifetimes {
  readonly authorityMs: number;
  readonly servingMs: number;
}

export const usualLifetimes: Lifetimes = { authorityMs: authorityDays * dayMs, servingMs: servingDays * dayMs };

export async function makeAuthority(now: Date, { authorityMs } = usualLifetimes): Promise<KeyPair> {
  // Every CA has a name of its own: clients find the issuer of a certificate by name.
  const name = `Countersign CA ${randomBytes(6).toString('hex')}`;
  const made = await generate([{ name: 'commonName', value: name }], {
    ...validity(now, new Date(now.getTime() + authorityMs)),
    extensions: [
      { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return { cert: made.cert, key: made.private };
}

/** A serving certificate for DNS names and IP addresses; it ends with its authority at the latest. */
export async function issueServing(
  authority: KeyPair,
  names: readonly string[],
  now: Date,
  { servingMs } = usualLifetimes,
): Promise<KeyPair> {
  const end = Math.min(now.getTime() + servingMs, new X509Certificate(authority.cert).validToDate.getTime());
  const made = await generate([{ name: 'commonName', value: 'countersign' }], {
    ...validity(now, new Date(end)),
    ca: authority,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: names.map((name) => alternativeName(name)) },
    ],
  });
  return { cert: made.cert, key: made.private };
}

function validity(
  now: Date,
  end: Date,
): {
  keyType: 'ec';
  curve: 'P-256';
  algorithm: string;
  notBeforeDate: Date;
  notAfterDate: Date;
} {
  const start = new Date(now.getTime() - backdateMs);
  return { keyType: 'ec', curve: 'P-256', algorithm: 'sha256', notBeforeDate: start, notAfterDate: end };
}

function alternativeName(name: string): { type: 7; ip: string } | { type: 2; value: string } {
  return isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name };
}

/** The pair, if both parts can be read and belong together; the failure is a sentence. */
export function parseKeyPair(cert: string, key: string): Result<KeyPair & { readonly x509: X509Certificate }, string> {
  try {
    const x509 = new X509Certificate(cert);
    if (!x509.checkPrivateKey(createPrivateKey(key))) return fail('the key does not belong to the certificate');
    return ok({ cert, key, x509 });
  } catch {
    return fail('the certificate or the key is not valid PEM');
  }
}
