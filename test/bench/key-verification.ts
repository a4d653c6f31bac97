/** Verification of cosign's older signatures by a P-256 key, beside node:crypto's bare verify over the same bytes. */
import { createPublicKey, verify } from 'node:crypto';
import { signLegacy, simpleSigningPayload } from '../../src/demo/images/legacy.ts';
import { newSigningKey } from '../../src/demo/images/signing-key.ts';
import { digestOf } from '../../src/kernel/digest.ts';
import type { KeyQuestion } from '../../src/policy/question.ts';
import { verifySignature } from '../../src/verification/verify-signature.ts';
import { atLeast, perSecond, type Section } from './report.ts';
import { race } from './statistics.ts';

const count = 500;
const target = 0.7;

export function measureKeyVerification(): Section {
  const key = newSigningKey();
  const publicKey = createPublicKey(key.publicKeyPem);
  const trust: KeyQuestion = { kind: 'key', keys: [key.publicKeyPem], log: { demand: 'ignored' } };
  const now = new Date();
  const signed = Array.from({ length: count }, (_, index) => {
    const digest = digestOf(`image ${index}`);
    const payload = simpleSigningPayload('registry.example', { repository: 'shop/web', digest });
    const artifact = signLegacy(payload, key);
    const signature = Buffer.from(artifact.annotations['dev.cosignproject.cosign/signature'] ?? '', 'base64');
    return { digest, payload, artifact, signature };
  });

  const pair = race(
    () => {
      const good = signed.filter(({ artifact, digest }) => verifySignature(artifact, digest, trust, now).verified);
      if (good.length !== count) throw new Error('a good signature was refused');
    },
    () => {
      const good = signed.filter(({ payload, signature }) => verify('sha256', payload, publicKey, signature));
      if (good.length !== count) throw new Error('node:crypto refused a good signature');
    },
    count,
  );
  return {
    name: 'key verification',
    figures: pair,
    rows: [
      {
        what: 'key signatures verified (beside: node:crypto verify)',
        ours: perSecond(pair.ours),
        beside: perSecond(pair.theirs),
        target: atLeast(pair.ratio, target),
      },
    ],
  };
}
