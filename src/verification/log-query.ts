/**
 * Log entries for signatures that bring none along: what to ask a Rekor for, and the signature with what it answered. An
 * entry that was looked up is put where one would have been that came along, so that both are proven in the same way.
 * cosign pkg/cosign/tlog.go, FindTlogEntry
 */
import { createHash } from 'node:crypto';
import type { SignatureArtifact } from '../policy/facts.ts';
import type { TrustQuestion } from '../policy/question.ts';
import { annotationNames } from './legacy-annotations.ts';
import { publicKeyFromPem } from './public-key.ts';

/** Bundles bring what proves them. */
export type LegacyArtifact = Exclude<SignatureArtifact, { format: 'bundle' }>;

/** One proposed entry for each key that may have signed. */
export function proposedEntries(artifact: LegacyArtifact, trust: TrustQuestion): readonly object[] {
  return signersOf(artifact, trust).map((pem) => {
    const verifier = Buffer.from(pem).toString('base64');
    return artifact.format === 'legacy' ? hashedRekord(artifact, verifier) : dsse(artifact, verifier);
  });
}

export function withLogEntry(
  artifact: LegacyArtifact,
  { signedEntryTimestamp, ...payload }: { readonly signedEntryTimestamp: string },
): LegacyArtifact {
  const rekor = JSON.stringify({ SignedEntryTimestamp: signedEntryTimestamp, Payload: payload });
  return { ...artifact, annotations: { ...artifact.annotations, [annotationNames.rekor]: rekor } };
}

function signersOf({ annotations }: LegacyArtifact, trust: TrustQuestion): readonly string[] {
  const certificate = annotations[annotationNames.certificate] ?? '';
  if (certificate !== '') return [certificate];
  if (trust.kind === 'certificate') return [];
  return trust.keys.map((pem) => publicKeyFromPem(pem).key.export({ type: 'spki', format: 'pem' }).toString());
}

function hashedRekord(
  { payload, annotations }: Extract<LegacyArtifact, { format: 'legacy' }>,
  verifier: string,
): object {
  const value = createHash('sha256').update(payload).digest('hex');
  const content = annotations[annotationNames.signature] ?? '';
  return {
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: { data: { hash: { algorithm: 'sha256', value } }, signature: { content, publicKey: { content: verifier } } },
  };
}

function dsse({ envelope }: Extract<LegacyArtifact, { format: 'legacy-attestation' }>, verifier: string): object {
  const proposedContent = { envelope: Buffer.from(envelope).toString('utf8'), verifiers: [verifier] };
  return { apiVersion: '0.0.1', kind: 'dsse', spec: { proposedContent } };
}
