/**
 * One signature against one trust question: proven facts, or the reason why nothing is proven. The cryptographic proof
 * is @sigstore/verify's; around it stands what that library leaves to its callers (see the folder's other files).
 * Nothing here decides whether the signer is wanted, and nothing throws: whatever goes wrong is a rejected fact.
 *
 * Logs and timestamps are alternatives to each other when a signature carries several: it is good if one choice of log
 * entry and timestamp proves it, and one that proves nothing never spoils another.
 */
import { createHash } from 'node:crypto';
import { defined } from '../kernel/defined.ts';
import type { Digest } from '../kernel/digest.ts';
import type { FailureCode } from '../kernel/failure.ts';
import type { SignatureArtifact, SignatureFact } from '../policy/facts.ts';
import type { HashAlgorithm } from '../policy/model.ts';
import type { TrustQuestion } from '../policy/question.ts';
import { parseBundle } from './parse-bundle.ts';
import { parseLegacyAttestation } from './parse-legacy-attestation.ts';
import { parseLegacy } from './parse-legacy.ts';
import type { ParsedSignature, SignedMaterial } from './parsed-signature.ts';
import type { Proof } from './proof.ts';
import { proveByCertificate } from './prove-by-certificate.ts';
import { proveByKey } from './prove-by-key.ts';
import { Rejection } from './rejection.ts';

export function verifySignature(
  artifact: SignatureArtifact,
  image: Digest,
  trust: TrustQuestion,
  now: Date,
): SignatureFact {
  const format = artifact.format === 'bundle' ? 'bundle' : 'legacy';
  let parsed: ParsedSignature | undefined;
  try {
    parsed = parse(artifact, image, trust.kind === 'key' ? trust.hashAlgorithm : undefined);
    const { type, annotations, layer } = parsed;
    const proof = prove(parsed, trust, now);
    const about = { ...predicate(parsed), ...defined('statement', parsed.statement) };
    return { verified: true, format, type, annotations, ...about, ...proof, id: idOf(parsed), layer };
  } catch (error) {
    const type = parsed?.type ?? (artifact.format === 'legacy-attestation' ? 'attestation' : 'signature');
    return { verified: false, format, type, ...predicate(parsed), ...reasonOf(error) };
  }
}

function parse(artifact: SignatureArtifact, image: Digest, hash: HashAlgorithm | undefined): ParsedSignature {
  switch (artifact.format) {
    case 'legacy':
      return parseLegacy(artifact, image, hash);
    case 'legacy-attestation':
      return parseLegacyAttestation(artifact, image, hash);
    case 'bundle':
      return parseBundle(artifact, image, hash);
  }
}

/**
 * As sigstore policy-controller computes it. The signature annotation of legacy attestations is empty, so those of one
 * signer have one id there, and here too.
 */
function idOf({ named, certificate }: ParsedSignature): string {
  const pem = certificate === undefined ? '' : pemOf(certificate);
  return createHash('sha256').update(named).update(pem).digest('hex');
}

/** As Go writes it: lines of 64 characters. */
function pemOf(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

function predicate(parsed: ParsedSignature | undefined): { readonly predicateType?: string } {
  return defined('predicateType', parsed?.predicateType);
}

function reasonOf(error: unknown): { readonly code: FailureCode; readonly message: string } {
  if (error instanceof Rejection) return { code: error.code, message: error.message };
  // Malformed input makes the libraries throw whatever they stumble over.
  return { code: 'SIGNATURE_MALFORMED', message: 'the signature cannot be read' };
}

export function prove(parsed: SignedMaterial, trust: TrustQuestion, now: Date): Proof {
  switch (trust.kind) {
    case 'key':
      return proveByKey(parsed, trust, now);
    case 'certificate':
      return proveByCertificate(parsed, trust, now);
  }
}
