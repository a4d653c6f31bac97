import type { X509Certificate } from '@sigstore/core';
import type { SignedEntity, TrustMaterial } from '@sigstore/verify';
import type { CertificateQuestion } from '../policy/question.ts';
import { choices, firstProof, type Choice } from './choices.ts';
import { entityNow, entityOf, runLibrary, type VerifierOptions } from './library.ts';
import type { MemoizingCertificate } from './memoizing-certificate.ts';
import type { SignedMaterial } from './parsed-signature.ts';
import { materialFor, proofOf, type Proof } from './proof.ts';
import { Rejection } from './rejection.ts';
import {
  checkExtensions,
  parseCertificate,
  readSignerCertificate,
  type SignerCertificate,
} from './signer-certificate.ts';
import { noKeys } from './trust-material.ts';

/** A signature by a certificate of the trust root; who that is, is for the policy to judge. */
export function proveByCertificate(parsed: SignedMaterial, trust: CertificateQuestion, now: Date): Proof {
  if (parsed.certificate === undefined) noKeys();
  const leaf = readSignerCertificate(Buffer.from(parsed.certificate).toString('base64'));
  return firstProof(choices(parsed, trust), (choice) => proveChoice(parsed, trust, leaf, choice, now));
}

function proveChoice(
  parsed: SignedMaterial,
  trust: CertificateQuestion,
  leaf: SignerCertificate,
  choice: Choice,
  now: Date,
): Proof {
  const { entry, token } = choice;
  const hasTime = token !== undefined || entry?.inclusionPromise !== undefined;
  if (entry !== undefined && !hasTime) throw new Rejection('TIMESTAMP_MISSING', 'nothing proves when it was signed');
  // Without log and timestamp the certificate is held against the current time, as cosign does.
  const entity = hasTime
    ? entityOf(parsed, certificateKey(leaf, trust), entry, token)
    : entityNow(parsed, certificateKey(leaf, trust), now);
  checkValidity(leaf, entity, now);
  const material = materialFor(trust);
  const options = {
    tlogThreshold: entry === undefined ? 0 : 1,
    timestampThreshold: 1,
    ctlogThreshold: trust.sct === 'required' ? 1 : 0,
  };
  runWithCertificates(material, options, entity, leaf, parsed.intermediates);
  const { certificate } = leaf;
  return proofOf(leaf.signer, { certificate: certificate.der, spki: certificate.publicKey }, material, choice, now);
}

function certificateKey(leaf: SignerCertificate, trust: CertificateQuestion): SignedEntity['key'] {
  const certificate = trust.sct === 'required' ? leaf.certificate : leaf.certificate.withoutSct();
  return { $case: 'certificate', certificate };
}

/** The library does not tell an expired certificate from a foreign one. */
function checkValidity(leaf: SignerCertificate, entity: SignedEntity, now: Date): void {
  const times = entity.timestamps.map((timestamp) => {
    return timestamp.$case === 'timestamp-authority'
      ? timestamp.timestamp.signingTime
      : new Date(Number(timestamp.tlogEntry.integratedTime) * 1_000);
  });
  const outside = times.find((time) => !leaf.certificate.validForDate(time));
  if (outside === undefined) return;
  const when =
    outside.getTime() <= now.getTime() && entity.tlogEntries.length + entity.timestamps.length > 0 ? outside : now;
  throw new Rejection(
    'CERTIFICATE_EXPIRED',
    `the signing certificate was not valid at ${when.toISOString()}, the proven time of signing`,
  );
}

/** First with the configured authorities alone, then with intermediates that came along under a configured root. */
function runWithCertificates(
  material: TrustMaterial,
  options: VerifierOptions,
  entity: SignedEntity,
  leaf: SignerCertificate,
  intermediates: readonly Uint8Array[],
): void {
  try {
    runLibrary(material, options, entity);
  } catch (error) {
    if (!(error instanceof Rejection) || error.code !== 'CERTIFICATE_INVALID') throw error;
    const extended = withIntermediates(material, intermediates);
    if (extended !== undefined && passes(extended, options, entity)) return;
    const certificateItself = {
      ...entity,
      key: { $case: 'certificate', certificate: leaf.certificate.withoutSct() },
    } as const;
    if (passes(extended ?? material, { ...options, ctlogThreshold: 0 }, certificateItself)) {
      throw new Rejection(
        'SCT_INVALID',
        'the signing certificate is not proven to be in a certificate transparency log',
      );
    }
    throw error;
  }
}

function passes(material: TrustMaterial, options: VerifierOptions, entity: SignedEntity): boolean {
  try {
    runLibrary(material, options, entity);
    return true;
  } catch (error) {
    if (error instanceof Rejection) return false;
    throw error;
  }
}

/**
 * Adds what leads to a configured certificate: an intermediate counts only once it is proven to be signed by one that
 * counts already. Anything else, a certificate that is its own issuer above all, would become an anchor.
 */
function withIntermediates(material: TrustMaterial, ders: readonly Uint8Array[]): TrustMaterial | undefined {
  if (ders.length === 0) return undefined;
  const offered = ders.map(parseCertificate);
  const certificateAuthorities = material.certificateAuthorities.map((authority) => {
    const certChain = [...authority.certChain];
    // Each round can only add what an earlier one made reachable; there are at most as many rounds as certificates.
    for (const round of offered.keys()) {
      const [next] = offered.filter(
        (candidate) => !certChain.includes(candidate) && certChain.some((known) => hasSigned(known, candidate)),
      );
      if (next === undefined || round === offered.length) break;
      certChain.push(next);
    }
    return { ...authority, certChain };
  });
  return { ...material, certificateAuthorities };
}

function hasSigned(issuer: X509Certificate, candidate: MemoizingCertificate): boolean {
  if (!issuer.isCA || !candidate.isCA || !candidate.issuer.equals(issuer.subject)) return false;
  if (candidate.subject.equals(candidate.issuer)) return false;
  checkExtensions(candidate);
  return candidate.verify(issuer);
}
