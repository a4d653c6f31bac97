/** What the library leaves unchecked about a transparency log entry. */
import { createPublicKey, X509Certificate as NodeCertificate } from 'node:crypto';
import type { TransparencyLogEntry } from '@sigstore/bundle';
import type { TrustMaterial } from '@sigstore/verify';
import { asRecord, parseStrictJson } from '../kernel/strict-json.ts';
import { describe } from './public-key.ts';
import { Rejection } from './rejection.ts';

/** The signer as Countersign proves it: certificate and key in DER. */
export interface ProvenSigner {
  readonly certificate?: Uint8Array;
  readonly spki: Uint8Array;
}

/**
 * The log must have seen this signer: without it, an entry of somebody else's certificate over the same bytes would do.
 * GHSA-whqx-f9j3-ch6m
 */
export function checkLoggedSigner(entry: TransparencyLogEntry, signer: ProvenSigner): void {
  const verifiers = loggedVerifiers(entry);
  const known = verifiers.some((verifier) => isSame(verifier, signer));
  if (!known) throw new Rejection('TLOG_INVALID', 'the log entry names another key or certificate than the signer');
}

type LoggedVerifier = { readonly der: Buffer; readonly kind: 'certificate' | 'key' };

function isSame(verifier: LoggedVerifier, signer: ProvenSigner): boolean {
  const own = verifier.kind === 'certificate' ? signer.certificate : signer.spki;
  return own !== undefined && verifier.der.equals(own);
}

type Members = Readonly<Record<string, unknown>>;

function loggedVerifiers(entry: TransparencyLogEntry): readonly LoggedVerifier[] {
  const json = parseStrictJson(entry.canonicalizedBody);
  const spec = json.ok ? asRecord(asRecord(json.value)?.['spec']) : undefined;
  if (spec === undefined) throw new Rejection('TLOG_INVALID', 'the log entry cannot be read');
  const v2 = asRecord(spec['hashedRekordV002']) ?? asRecord(spec['dsseV002']);
  if (v2 !== undefined) return signaturesOf(v2).map((signature) => fromV2(asRecord(signature['verifier']) ?? {}));
  // hashedrekord: spec.signature.publicKey.content; dsse: spec.signatures[].verifier; intoto: spec.content.envelope
  const envelope = asRecord(asRecord(spec['content'])?.['envelope']);
  return signaturesOf(envelope ?? spec).map((signature) => {
    const key = signature['verifier'] ?? asRecord(signature['publicKey'])?.['content'] ?? signature['publicKey'];
    return fromPem(Buffer.from(typeof key === 'string' ? key : '', 'base64').toString('utf8'));
  });
}

function signaturesOf(holder: Members): readonly Members[] {
  const { signatures, signature } = holder;
  const list: readonly unknown[] = Array.isArray(signatures) ? signatures : [signature];
  return list.map((item) => asRecord(item) ?? {});
}

function fromV2(verifier: Members): LoggedVerifier {
  const certificate = asRecord(verifier['x509Certificate'])?.['rawBytes'];
  const key = asRecord(verifier['publicKey'])?.['rawBytes'];
  if (typeof certificate === 'string') return { kind: 'certificate', der: Buffer.from(certificate, 'base64') };
  return { kind: 'key', der: Buffer.from(typeof key === 'string' ? key : '', 'base64') };
}

function fromPem(pem: string): LoggedVerifier {
  try {
    if (pem.includes('BEGIN CERTIFICATE')) return { kind: 'certificate', der: new NodeCertificate(pem).raw };
    return { kind: 'key', der: describe(createPublicKey(pem)).spki };
  } catch {
    throw new Rejection('TLOG_INVALID', 'the log entry names no key or certificate');
  }
}

/** The log that vouches for the entry, if its key was in use at `time`: the library asks that only of promises. */
export function logOf(
  entry: TransparencyLogEntry,
  material: TrustMaterial,
  time: Date,
): { url: string; index: string } {
  const log = material.tlogs.find(({ logID, validFor }) => {
    return logID.equals(entry.logId.keyId) && validFor.start <= time && time <= validFor.end;
  });
  if (log === undefined) throw new Rejection('TLOG_INVALID', 'the log key was not in use at the time of signing');
  return { url: log.baseURL, index: entry.logIndex };
}
