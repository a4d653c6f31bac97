import { expect, test } from 'vitest';
import { checkAttestation } from '../../src/evidence/check-attestation.ts';
import { ok } from '../../src/kernel/result.ts';
import type { VerifiedSignature } from '../../src/policy/facts.ts';
import { custom, demand, key, never, questionOf } from './attestation-kit.ts';
import { publicKeyFromPem } from '../../src/verification/public-key.ts';
import { pemOfKey } from '../verification/kit/certificates.ts';

const statement = JSON.stringify({ _type: 'https://in-toto.io/Statement/v0.1', predicateType: custom, subject: [] });
const fact: VerifiedSignature = {
  verified: true,
  format: 'legacy',
  type: 'attestation',
  signer: { kind: 'key', fingerprint: publicKeyFromPem(pemOfKey(key)).fingerprint },
  predicateType: custom,
  annotations: {},
  statement,
};

test('other requests get their turn before a statement is made ready for policy code', async () => {
  let hasTurned = false;
  setImmediate(() => (hasTurned = true));
  const inputs: string[] = [];
  const languages = {
    evaluate: async ({ input }: { readonly input: string }) => {
      expect(hasTurned).toBe(true);
      inputs.push(input);
      return ok({ result: 'pass', message: '' } as const);
    },
  };
  const question = questionOf([demand(custom, 'a', 'one'), demand(custom, 'b', 'two')]);
  const checked = await checkAttestation(languages, question, fact, new Set([0, 1]), never);
  expect(checked.fact.checks).toEqual([{ demand: 0 }, { demand: 1 }]);
  expect(new Set(inputs).size).toBe(1);
});
