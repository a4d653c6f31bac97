/**
 * What the library leaves unchecked about a signer's certificate, and who it says has signed. Everything here is
 * independent of time, so it is worked out once per certificate.
 */
import { X509Certificate as NodeCertificate } from 'node:crypto';
import type { ASN1Obj, X509Certificate } from '@sigstore/core';
import { memoize } from '../kernel/memoize.ts';
import type { Signer } from '../policy/facts.ts';
import { MemoizingCertificate } from './memoizing-certificate.ts';
import { Rejection } from './rejection.ts';

export interface SignerCertificate {
  readonly certificate: MemoizingCertificate;
  readonly signer: Extract<Signer, { kind: 'certificate' }>;
}

/** By base64 DER. Rejects certificates that must not have signed an image. */
export const readSignerCertificate = memoize(1_000, (base64: string): SignerCertificate => {
  const der = Buffer.from(base64, 'base64');
  const certificate = parseCertificate(der);
  checkExtensions(certificate);
  const native = new NodeCertificate(der);
  // `native.ca` is only true when the key usage agrees.
  if (certificate.extBasicConstraints?.isCA === true || native.ca) {
    throw new Rejection('CERTIFICATE_INVALID', 'the signing certificate is a CA certificate');
  }
  if (native.keyUsage?.includes(codeSigning) !== true) {
    throw new Rejection('CERTIFICATE_INVALID', 'the signing certificate is not for code signing');
  }
  const subjects = readSubjects(certificate);
  if (subjects.length === 0) throw new Rejection('CERTIFICATE_INVALID', 'the signing certificate names no subject');
  return {
    certificate,
    signer: { kind: 'certificate', issuer: readIssuer(certificate), subjects, extensions: readExtensions(certificate) },
  };
});

const codeSigning = '1.3.6.1.5.5.7.3.3';

/** Real ones have 1 to 3 KiB; the library takes a kibibyte and more for every node of one. */
const maxCertificateBytes = 16 * 1024;

export function parseCertificate(der: Uint8Array): MemoizingCertificate {
  if (der.length > maxCertificateBytes) throw new Rejection('SIGNATURE_MALFORMED', 'the certificate is too large');
  try {
    return MemoizingCertificate.fromDer(der);
  } catch {
    throw new Rejection('SIGNATURE_MALFORMED', 'the certificate cannot be read');
  }
}

const nameConstraints = '2.5.29.30';
/** key usage, subject alternative name, basic constraints, extended key usage */
const understood = new Set(['2.5.29.15', '2.5.29.17', '2.5.29.19', '2.5.29.37']);

/** RFC 5280 §4.2: a critical extension that is not understood makes the certificate unusable. */
export function checkExtensions(certificate: X509Certificate): void {
  for (const extension of certificate.extensions) {
    const oid = extension.subs[0]?.toOID() ?? '';
    const critical = extension.subs[1]?.tag.isBoolean() === true && extension.subs[1].toBoolean();
    if (oid === nameConstraints)
      throw new Rejection('CERTIFICATE_INVALID', 'certificates with name constraints are not supported');
    if (critical && !understood.has(oid))
      throw new Rejection('CERTIFICATE_INVALID', `critical extension ${oid} is not understood`);
  }
}

function extensionValue(certificate: MemoizingCertificate, oid: string): ASN1Obj | undefined {
  const found = certificate.extensions.filter((extension) => extension.subs[0]?.toOID() === oid);
  if (found.length > 1) throw new Rejection('CERTIFICATE_INVALID', `extension ${oid} occurs twice`);
  return found[0]?.subs.at(-1);
}

// sigstore/fulcio docs/oid-info.md
const issuerV1 = '1.3.6.1.4.1.57264.1.1';
const issuerV2 = '1.3.6.1.4.1.57264.1.8';
const otherNameOid = '1.3.6.1.4.1.57264.1.7';
const githubExtensions: readonly (readonly [string, string])[] = [
  ['githubWorkflowTrigger', '1.3.6.1.4.1.57264.1.2'],
  ['githubWorkflowSha', '1.3.6.1.4.1.57264.1.3'],
  ['githubWorkflowName', '1.3.6.1.4.1.57264.1.4'],
  ['githubWorkflowRepository', '1.3.6.1.4.1.57264.1.5'],
  ['githubWorkflowRef', '1.3.6.1.4.1.57264.1.6'],
];

/** Empty when the certificate names none: no identity matches that unless the policy says so. */
function readIssuer(certificate: MemoizingCertificate): string {
  const old = extensionValue(certificate, issuerV1)?.value.toString('utf8');
  const current = extensionValue(certificate, issuerV2)?.subs[0]?.value.toString('utf8');
  if (old !== undefined && current !== undefined && old !== current) {
    throw new Rejection('CERTIFICATE_INVALID', 'the signing certificate names two different issuers');
  }
  return current ?? old ?? '';
}

function readExtensions(certificate: MemoizingCertificate): Readonly<Record<string, string>> {
  const found = githubExtensions.flatMap(([name, oid]) => {
    const value = extensionValue(certificate, oid)?.value.toString('utf8');
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(found);
}

/** Every subject alternative name; RFC 5280 §4.2.1.6 GeneralName. */
function readSubjects(certificate: MemoizingCertificate): readonly string[] {
  const names = extensionValue(certificate, '2.5.29.17')?.subs[0]?.subs ?? [];
  return names.map(readGeneralName).filter((name): name is string => name !== undefined && name !== '');
}

function readGeneralName(name: ASN1Obj): string | undefined {
  switch (name.tag.number) {
    case 0:
      return name.subs[0]?.toOID() === otherNameOid ? name.subs[1]?.subs[0]?.value.toString('utf8') : undefined;
    case 1:
    case 2:
    case 6:
      return name.value.toString('utf8');
    case 7:
      return formatAddress(name.value);
    default:
      return undefined;
  }
}

function formatAddress(bytes: Buffer): string | undefined {
  if (bytes.length === 4) return [...bytes].join('.');
  if (bytes.length !== 16) return undefined;
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  // The URL parser has the shortest form, as Go prints it. RFC 5952
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
