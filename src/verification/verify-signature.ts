/**
 * One signature against one trust question: proven facts, or the reason why nothing is proven. The cryptographic proof
 * is @sigstore/verify's; around it stands what that library leaves to its callers (see the folder's other files).
 * Nothing here decides whether the signer is wanted, and nothing throws: whatever goes wrong is a rejected fact.
 *
 * Logs and timestamps are alternatives to each other when a signature carries several: it is good if one choice of log
 * entry and timestamp proves it, and one that proves nothing never spoils another.
 */
import { defined } from '../kernel/defined.ts';
import type { Digest } from '../kernel/digest.ts';
import type { FailureCode } from '../kernel/failure.ts';
import type { SignatureArtifact, SignatureFact } from '../policy/facts.ts';
import type { TrustQuestion } from '../policy/question.ts';
import { parseBundle } from './parse-bundle.ts';
import { parseLegacy } from './parse-legacy.ts';
import type { ParsedSignature } from './parsed-signature.ts';
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
  if (artifact.format === 'legacy-attestation')
    return {
      verified: false,
      format: 'legacy',
      type: 'attestation',
      code: 'SIGNATURE_UNSUPPORTED',
      message: 'not yet',
    };
  const { format } = artifact;
  let parsed: ParsedSignature | undefined;
  try {
    const hash = trust.kind === 'key' ? trust.hashAlgorithm : undefined;
    parsed = artifact.format === 'legacy' ? parseLegacy(artifact, image, hash) : parseBundle(artifact, image, hash);
    const { type, annotations } = parsed;
    return { verified: true, format, type, annotations, ...predicate(parsed), ...prove(parsed, trust, now) };
  } catch (error) {
    const type = parsed?.type ?? 'signature';
    return { verified: false, format, type, ...predicate(parsed), ...reasonOf(error) };
  }
}

function predicate(parsed: ParsedSignature | undefined): { readonly predicateType?: string } {
  return defined('predicateType', parsed?.predicateType);
}

function reasonOf(error: unknown): { readonly code: FailureCode; readonly message: string } {
  if (error instanceof Rejection) return { code: error.code, message: error.message };
  // Malformed input makes the libraries throw whatever they stumble over.
  return { code: 'SIGNATURE_MALFORMED', message: 'the signature cannot be read' };
}

export function prove(parsed: ParsedSignature, trust: TrustQuestion, now: Date): Proof {
  switch (trust.kind) {
    case 'key':
      return proveByKey(parsed, trust, now);
    case 'certificate':
      return proveByCertificate(parsed, trust, now);
  }
}
