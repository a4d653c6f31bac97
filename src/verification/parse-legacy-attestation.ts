/**
 * Legacy attestations: a DSSE envelope that holds an in-toto statement, and annotations as of a legacy signature.
 * sigstore/cosign specs/ATTESTATION_SPEC.md; secure-systems-lab/dsse envelope.md
 */
import { digestOf, hexOf, type Digest } from '../kernel/digest.ts';
import { asRecord } from '../kernel/strict-json.ts';
import type { LegacyAttestation } from '../policy/facts.ts';
import type { HashAlgorithm } from '../policy/model.ts';
import { base64, json, malformed, readAnnotations } from './legacy-annotations.ts';
import type { ParsedSignature } from './parsed-signature.ts';
import { SignedContent } from './signed-content.ts';
import { inTotoPayload, readStatement, statementAbout } from './statement.ts';

export function parseLegacyAttestation(
  artifact: LegacyAttestation,
  image: Digest,
  hash: HashAlgorithm | undefined,
): ParsedSignature {
  const { payload, signature } = readEnvelope(artifact.envelope);
  const { signature: named = new Uint8Array(), ...proofs } = readAnnotations(artifact.annotations);
  return {
    // Whatever it states, it is where attestations are: never a signature of the image.
    type: 'attestation',
    ...statementAbout(readStatement(payload), hexOf(image)),
    statement: Buffer.from(payload).toString('utf8'),
    content: SignedContent.ofEnvelope(signature, inTotoPayload, payload, hash, artifact.envelope),
    layer: digestOf(artifact.envelope),
    named,
    ...proofs,
  };
}

interface Envelope {
  readonly payload: Buffer;
  readonly signature: Buffer;
}

/** With one signature, as cosign writes it: of several it would not be clear whose the log entry is. */
function readEnvelope(bytes: Uint8Array): Envelope {
  const { payload, payloadType, signatures } = asRecord(json(bytes, 'envelope')) ?? {};
  if (typeof payload !== 'string') throw malformed('the layer is not a DSSE envelope');
  if (payloadType !== inTotoPayload) throw malformed('the envelope does not hold an in-toto statement');
  const list: readonly unknown[] = Array.isArray(signatures) ? signatures : [];
  const [first, ...others] = list;
  const signature = asRecord(first)?.['sig'];
  if (typeof signature !== 'string' || others.length > 0) {
    throw malformed('the envelope must hold exactly one signature');
  }
  return { payload: base64(payload, 'payload'), signature: base64(signature, 'signature of the envelope') };
}
