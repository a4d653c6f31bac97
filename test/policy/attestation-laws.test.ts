// Whatever evidence says: nothing passes that a wanted signer has not attested, under whatever name it is demanded.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { failure } from '../../src/kernel/failure.ts';
import { ok } from '../../src/kernel/result.ts';
import type { SignatureFact } from '../../src/policy/facts.ts';
import { isAnswered, satisfies } from '../../src/policy/satisfies.ts';
import type { AttestationsQuestion } from '../../src/policy/question.ts';
import { judge } from '../../src/policy/judge.ts';
import { plan } from '../../src/policy/plan.ts';
import { byKey, pinned, pod, policyFor, snapshotOf } from './kit.ts';

const image = pinned('registry.example/app');

const names = fc.constantFrom('a', 'b', '__proto__', 'constructor');
const demands = fc.array(fc.record({ name: names, predicateType: fc.constantFrom('vuln', 'custom', 'https://x/y') }), {
  minLength: 1,
  maxLength: 3,
});
const refused = fc.record({
  demand: fc.integer({ min: -1, max: 4 }),
  refusal: fc.constant(failure('POLICY_UNSATISFIED', 'no')),
});
const common = { verified: true, format: 'bundle', annotations: {} } as const;
const somebody = { kind: 'certificate', issuer: 'i', subjects: ['s'], extensions: {} } as const;
/** None of them is an attestation by the key that meets what is demanded. */
const useless: fc.Arbitrary<SignatureFact> = fc.oneof(
  fc.constant({
    verified: false,
    format: 'legacy',
    type: 'attestation',
    code: 'SIGNATURE_INVALID',
    message: 'm',
  } as const),
  fc.constant({
    ...common,
    type: 'attestation',
    signer: somebody,
    checks: [{ demand: 0 }, { demand: 1 }, { demand: 2 }],
  } as const),
  fc.constant({
    ...common,
    type: 'signature',
    signer: { kind: 'key', fingerprint: 'f' },
    checks: [{ demand: 0 }],
  } as const),
  fc
    .array(refused, { maxLength: 3 })
    .map((checks) => ({ ...common, type: 'attestation', signer: { kind: 'key', fingerprint: 'f' }, checks }) as const),
);

test('nothing is admitted without an attestation for each demand', () => {
  fc.assert(
    fc.property(demands, fc.array(useless, { maxLength: 5 }), fc.boolean(), (attestations, facts, isCoded) => {
      const more = isCoded ? { policy: { type: 'cue', data: 'x: 1' } } : {};
      const policy = policyFor([{ ...byKey, attestations }], 'p', more);
      const planned = plan(snapshotOf([policy]), image, pod);
      const evidence = new Map(planned.questions.map(({ id }) => [id, ok(facts)]));
      const evaluations = new Map([['p', ok({ result: 'pass', message: '' } as const)]]);
      const { violations } = judge(planned, { fields: ['f'], text: 'app' }, 'allow', evidence, evaluations);
      expect(violations).toHaveLength(1);
      expect(planned.questions.flatMap((question) => facts.filter((fact) => satisfies(question, fact)))).toEqual([]);
    }),
    { seed: 20_261_121, numRuns: 500 },
  );
});

test('each demand needs its own: one that is met does not stand for another', () => {
  fc.assert(
    fc.property(demands, fc.nat(2), (attestations, met) => {
      const policy = policyFor([{ ...byKey, attestations }]);
      const [question] = plan(snapshotOf([policy]), image, pod).questions;
      const fact = {
        ...common,
        type: 'attestation',
        signer: { kind: 'key', fingerprint: 'f' },
        checks: [{ demand: met }],
      } as const;
      // Demands make it this kind of question.
      const asked = question as AttestationsQuestion;
      expect(isAnswered(asked, [fact])).toBe(attestations.length === 1 && met === 0);
    }),
    { seed: 20_261_121, numRuns: 200 },
  );
});
