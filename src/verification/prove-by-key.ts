import type { KeyQuestion } from '../policy/question.ts';
import { choices, firstProof } from './choices.ts';
import { entityOf, runLibrary } from './library.ts';
import type { SignedMaterial } from './parsed-signature.ts';
import { materialFor, proofOf, type Proof } from './proof.ts';
import { publicKeyFromPem, type PublicKey } from './public-key.ts';
import { Rejection } from './rejection.ts';

/** A signature by one of the policy's keys. A certificate or key hint that came along means nothing here. */
export function proveByKey(parsed: SignedMaterial, trust: KeyQuestion, now: Date): Proof {
  for (const pem of trust.keys) {
    try {
      return proveWith(publicKeyFromPem(pem), parsed, trust, now);
    } catch (error) {
      if (!(error instanceof Rejection) || error.code !== 'SIGNATURE_INVALID') throw error;
    }
  }
  throw new Rejection('SIGNATURE_INVALID', 'the signature is not by the given key, or what it signs was changed');
}

function proveWith(key: PublicKey, parsed: SignedMaterial, trust: KeyQuestion, now: Date): Proof {
  const material = { ...materialFor(trust), publicKey: () => ({ publicKey: key.key, validFor: () => true }) };
  return firstProof(choices(parsed, trust), ({ entry, token }) => {
    const entity = entityOf(parsed, { $case: 'public-key', hint: '' }, entry, token);
    runLibrary(
      material,
      { tlogThreshold: entry === undefined ? 0 : 1, timestampThreshold: token === undefined ? 0 : 1 },
      entity,
    );
    return proofOf({ kind: 'key', fingerprint: key.fingerprint }, { spki: key.spki }, material, { entry, token }, now);
  });
}
