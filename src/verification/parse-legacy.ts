/**
 * Legacy signatures: a simple-signing payload, and everything else in annotations of its layer.
 * sigstore/cosign specs/SIGNATURE_SPEC.md
 */
import { digestOf, type Digest } from '../kernel/digest.ts';
import { asRecord } from '../kernel/strict-json.ts';
import type { LegacySignature } from '../policy/facts.ts';
import type { HashAlgorithm } from '../policy/model.ts';
import { json, malformed, readAnnotations } from './legacy-annotations.ts';
import type { ParsedSignature } from './parsed-signature.ts';
import { Rejection } from './rejection.ts';
import { SignedContent } from './signed-content.ts';

export function parseLegacy(
  artifact: LegacySignature,
  image: Digest,
  hash: HashAlgorithm | undefined,
): ParsedSignature {
  const { signature, ...proofs } = readAnnotations(artifact.annotations);
  if (signature === undefined) throw malformed('the layer has no signature annotation');
  return {
    type: 'signature',
    annotations: checkClaim(artifact.payload, image),
    content: SignedContent.ofPayload(signature, artifact.payload, hash),
    layer: digestOf(artifact.payload),
    named: signature,
    ...proofs,
  };
}

/** red-hat-storage simple signing, as cosign uses it. The docker-reference is not compared, as the specification says. */
function checkClaim(payload: Uint8Array, image: Digest): Readonly<Record<string, unknown>> {
  const claim = asRecord(json(payload, 'payload'));
  const critical = asRecord(claim?.['critical']);
  const type = critical?.['type'];
  if (type !== 'cosign container image signature' && type !== 'atomic container signature') {
    throw new Rejection('CLAIM_MISMATCH', 'the payload is not the claim of an image signature');
  }
  if (asRecord(critical?.['image'])?.['docker-manifest-digest'] !== image) {
    throw new Rejection('CLAIM_MISMATCH', 'it is the signature of another image');
  }
  return asRecord(claim?.['optional']) ?? {};
}
