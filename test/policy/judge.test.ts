import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failure, type FailureCode } from '../../src/kernel/failure.ts';
import { fail, ok, type Result } from '../../src/kernel/result.ts';
import type { SignatureFact } from '../../src/policy/facts.ts';
import { judge } from '../../src/policy/judge.ts';
import type { ClusterImagePolicy, NoMatchPolicy } from '../../src/policy/model.ts';
import { plan } from '../../src/policy/plan.ts';
import type { Evidence, ImageVerdict } from '../../src/policy/verdict.ts';
import {
  byKey,
  deny,
  issuer,
  keyless,
  newPublicKey,
  pass,
  pinned,
  pod,
  policyFor,
  policyOf,
  snapshotOf,
  subject,
} from './kit.ts';

type Answer = Result<readonly SignatureFact[]> | undefined;

const rejected = (
  code: FailureCode,
  message: string,
  type: 'signature' | 'attestation' = 'signature',
): SignatureFact => ({
  verified: false,
  format: 'legacy',
  type,
  code,
  message,
});
const signedByKey: SignatureFact = {
  verified: true,
  format: 'legacy',
  type: 'signature',
  signer: { kind: 'key', fingerprint: '00' },
  annotations: {},
};
const signedBy = (who: string, by = issuer): SignatureFact => ({
  ...signedByKey,
  signer: { kind: 'certificate', issuer: by, subjects: [who], extensions: {} },
});
const attestation: SignatureFact = {
  ...signedByKey,
  type: 'attestation',
  predicateType: 'https://slsa.dev/provenance/v1',
};
const unreachable = fail(failure('REGISTRY_UNREACHABLE', 'the registry is away', 5));

const where = { fields: ['spec.containers[0].image'], text: 'ghcr.io/org/app:v1' };

/** Judges an image; `answer` is what is found out about any question, or for the authority's key. */
function verdictOf(
  policies: readonly ClusterImagePolicy[],
  answer: Answer | ((key: string) => Answer),
  noMatch: NoMatchPolicy = 'deny',
): ImageVerdict {
  const planned = plan(snapshotOf(policies, noMatch), pinned('ghcr.io/org/app'), pod);
  const evidence = new Map<string, Result<readonly SignatureFact[]>>();
  for (const { id, trust } of planned.questions) {
    const key = trust.kind === 'key' ? (trust.keys[0] ?? '') : '';
    const found = typeof answer === 'function' ? answer(key) : answer;
    if (found !== undefined) evidence.set(id, found);
  }
  return judge(planned, where, noMatch, evidence);
}

function reasons({ violations, warnings }: ImageVerdict): unknown {
  const brief = (list: ImageVerdict['violations']) => list.map(({ code, message }) => `${code} ${message}`);
  return warnings.length === 0 ? brief(violations) : { refused: brief(violations), warned: brief(warnings) };
}

const one = (authority: unknown, answer?: Answer) => reasons(verdictOf([policyFor([authority])], answer));

describe('one policy with one authority', () => {
  test.each<[string, unknown, Answer, readonly string[]]>([
    ['a signature by the key', byKey, ok([signedByKey]), []],
    ['a signature by the identity', keyless, ok([signedBy(subject)]), []],
    ['a good signature among bad ones', byKey, ok([rejected('KEY_MISMATCH', 'no'), signedByKey, attestation]), []],
    ['a static pass', pass, undefined, []],
    ['a static refusal', deny, undefined, ['STATIC_FAIL failed policy p: disallowed by static policy: not here']],
    [
      'a static refusal without message',
      { static: { action: 'fail' } },
      undefined,
      ['STATIC_FAIL failed policy p: disallowed by static policy'],
    ],
    ['nothing was looked at', byKey, undefined, ['INTERNAL failed policy p: its signatures were not looked at']],
    ['no signatures', byKey, ok([]), ['SIGNATURE_MISSING failed policy p: no signatures found']],
    ['the registry is away', byKey, unreachable, ['REGISTRY_UNREACHABLE failed policy p: the registry is away']],
    [
      'only an attestation',
      byKey,
      ok([attestation]),
      [
        'SIGNATURE_MISSING failed policy p: no signatures found, only an attestation of type https://slsa.dev/provenance/v1',
      ],
    ],
    [
      'another identity',
      keyless,
      ok([signedBy('me', 'https://idp')]),
      [`IDENTITY_MISMATCH failed policy p: signed by me (issuer https://idp), not by ${subject} (issuer ${issuer})`],
    ],
    [
      'a key where an identity is wanted',
      keyless,
      ok([signedByKey]),
      ['KEY_MISMATCH failed policy p: signed with another kind of key than the policy asks for'],
    ],
    [
      'an identity where a key is wanted',
      byKey,
      ok([signedBy(subject)]),
      ['KEY_MISMATCH failed policy p: signed with another kind of key than the policy asks for'],
    ],
    [
      'a broken signature',
      byKey,
      ok([rejected('SIGNATURE_INVALID', 'does not fit')]),
      ['SIGNATURE_INVALID failed policy p: does not fit'],
    ],
    [
      'several that do not fit: the nearest is told',
      byKey,
      ok([rejected('SIGNATURE_MALFORMED', 'm'), rejected('TLOG_MISSING', 't'), rejected('KEY_MISMATCH', 'k')]),
      ['TLOG_MISSING failed policy p: t (and 2 more that do not fit)'],
    ],
    [
      'too many to read them all',
      byKey,
      ok([rejected('TLOG_MISSING', 't'), rejected('TOO_MANY_SIGNATURES', 'more than 50')]),
      ['TOO_MANY_SIGNATURES failed policy p: more than 50'],
    ],
    ['a good one among too many', byKey, ok([signedByKey, rejected('TOO_MANY_SIGNATURES', 'more than 50')]), []],
    [
      'a demand that cannot be met',
      { ...byKey, ctlog: { url: 'https://x' } },
      undefined,
      [
        'POLICY_NOT_READY failed policy p: authority authority-0 demands the log https://x, which its trust root does not know: name a TrustRoot with ctlog.trustRootRef',
      ],
    ],
  ])('%s', (_title, authority, answer, expected) => {
    expect(one(authority, answer)).toEqual(expected);
  });

  test('patterns are shown as patterns, alternatives as such', () => {
    const identities = [
      { issuerRegExp: '^https://', subject: 'a' },
      { issuer: 'i', subjectRegExp: 'b$' },
    ];
    expect(one({ keyless: { identities } }, ok([signedBy('me')]))).toEqual([
      `IDENTITY_MISMATCH failed policy p: signed by me (issuer ${issuer}), not by a (issuer /^https:///) or /b$/ (issuer i)`,
    ]);
  });

  test('names out of certificates and attestations are cut and escaped', () => {
    const hostile = signedBy(`a\n\u202e${'x'.repeat(2_000)}`, 'i\u001b[2J');
    const [message = ''] = verdictOf([policyFor([keyless])], ok([hostile])).violations.map((it) => it.message);
    expect(message).toContain('a\\u{a}\\u{202e}xxx');
    expect(message).toContain('i\\u{1b}[2J');
    expect(message.length).toBeLessThan(1_500);
    expect(one(byKey, ok([{ ...attestation, predicateType: 'a\nb' }]))).toEqual([
      'SIGNATURE_MISSING failed policy p: no signatures found, only an attestation of type a\\u{a}b',
    ]);
  });

  test('a reason says where, in which image, by which policy, and when to try again', () => {
    expect(verdictOf([policyFor([byKey])], unreachable).violations).toEqual([
      {
        code: 'REGISTRY_UNREACHABLE',
        message: 'failed policy p: the registry is away',
        fields: where.fields,
        image: where.text,
        policy: 'p',
        retryAfterSeconds: 5,
      },
    ]);
  });
});

const [keyA, keyB] = [newPublicKey(), newPublicKey()];
const a = { name: 'a', key: { data: keyA } };
const b = { name: 'b', key: { data: keyB } };
const forKeys = (answers: Readonly<Record<'a' | 'b', Answer>>) => (key: string) =>
  key === keyA.trim() ? answers.a : answers.b;

describe('one policy with two authorities: one is enough', () => {
  const bad = ok([rejected('KEY_MISMATCH', 'another key')]);
  const good = ok([signedByKey]);

  test.each<[string, Answer, Answer, readonly string[]]>([
    ['the first', good, bad, []],
    ['the second', bad, good, []],
    ['both', good, good, []],
    ['the first, while the other is not known', good, unreachable, []],
    ['the second, while the other was not looked at', undefined, good, []],
    ['none', bad, ok([]), ['KEY_MISMATCH failed policy p: a: another key; b: no signatures found']],
    [
      'none, the nearer second',
      ok([]),
      ok([rejected('TLOG_MISSING', 'no log')]),
      ['TLOG_MISSING failed policy p: a: no signatures found; b: no log'],
    ],
    [
      'perhaps the second: it may pass later',
      bad,
      unreachable,
      ['REGISTRY_UNREACHABLE failed policy p: a: another key; b: the registry is away'],
    ],
  ])('%s', (_title, first, second, expected) => {
    expect(reasons(verdictOf([policyFor([a, b])], forKeys({ a: first, b: second })))).toEqual(expected);
  });
});

describe('two policies: both must pass', () => {
  const first = policyFor([a], 'first');
  const second = policyFor([b], 'second');
  const warning = policyFor([b], 'second', { mode: 'warn' });
  const bad = ok([rejected('KEY_MISMATCH', 'another key')]);
  const good = ok([signedByKey]);
  const no = (name: string) => `KEY_MISMATCH failed policy ${name}: another key`;

  test.each<[string, ClusterImagePolicy, Answer, Answer, unknown]>([
    ['both pass', second, good, good, []],
    ['the second fails', second, good, bad, [no('second')]],
    ['the first fails', second, bad, good, [no('first')]],
    ['both fail', second, bad, bad, [no('first'), no('second')]],
    ['the second only warns', warning, good, bad, { refused: [], warned: [no('second')] }],
    ['the second only warns, the first fails', warning, bad, bad, { refused: [no('first')], warned: [no('second')] }],
    ['the second only warns, and passes', warning, bad, good, [no('first')]],
    [
      'the second only warns, and is not known',
      warning,
      good,
      unreachable,
      { refused: [], warned: ['REGISTRY_UNREACHABLE failed policy second: the registry is away'] },
    ],
  ])('%s', (_title, other, forA, forB, expected) => {
    const verdict = verdictOf([first, other], forKeys({ a: forA, b: forB }));
    expect(reasons(verdict)).toEqual(expected);
    expect(verdict.policies).toEqual(['first', 'second']);
  });
});

describe('no policy matches', () => {
  const elsewhere = policyOf({ images: [{ glob: 'quay.io/**' }], authorities: [pass] });
  const found = expect.objectContaining({ code: 'NO_MATCHING_POLICY', image: where.text }) as unknown;

  test.each<[NoMatchPolicy, object]>([
    ['deny', { violations: [found], warnings: [] }],
    ['warn', { violations: [], warnings: [found] }],
    ['allow', { violations: [], warnings: [] }],
  ])('%s', (noMatch, expected) => {
    expect(verdictOf([elsewhere], undefined, noMatch)).toEqual({ policies: [], ...expected });
  });

  test('what is said of no match says nothing of a policy that fails', () => {
    expect(verdictOf([policyFor([deny])], undefined, 'allow').violations).toMatchObject([{ code: 'STATIC_FAIL' }]);
  });
});

describe('laws', () => {
  /** Authorities whose answer is known beforehand. */
  const outcomes = {
    pass: { authority: pass, answer: undefined, passes: true },
    fail: { authority: deny, answer: undefined, passes: false },
    signed: { authority: { key: { data: newPublicKey() } }, answer: ok([signedByKey]), passes: true },
    unsigned: { authority: { key: { data: newPublicKey() } }, answer: ok([]), passes: false },
    foreign: {
      authority: { key: { data: newPublicKey() } },
      answer: ok([rejected('KEY_MISMATCH', 'no')]),
      passes: false,
    },
    away: { authority: { key: { data: newPublicKey() } }, answer: unreachable, passes: false },
    unasked: { authority: { key: { data: newPublicKey() } }, answer: undefined, passes: false },
    impossible: { authority: { ...byKey, ctlog: { url: 'https://x' } }, answer: ok([signedByKey]), passes: false },
  };
  type Outcome = keyof typeof outcomes;
  interface Made {
    readonly mode: 'enforce' | 'warn';
    readonly authorities: readonly Outcome[];
  }

  const outcome = fc.constantFrom(...(Object.keys(outcomes) as Outcome[]));
  const made: fc.Arbitrary<Made> = fc.record({
    mode: fc.constantFrom('enforce', 'enforce', 'warn'),
    authorities: fc.array(outcome, { minLength: 1, maxLength: 4 }),
  });
  const enforced = made.map((it): Made => ({ ...it, mode: 'enforce' }));
  const several = fc.array(made, { minLength: 1, maxLength: 4 });

  const answers = new Map<string, Answer>();
  for (const { authority, answer } of Object.values(outcomes)) {
    if ('key' in authority) answers.set(authority.key.data.trim(), answer);
  }

  function compiled(policies: readonly Made[]): readonly ClusterImagePolicy[] {
    return policies.map(({ mode, authorities }, index) =>
      policyFor(
        authorities.map((name) => outcomes[name].authority),
        `p${index}`,
        { mode },
      ),
    );
  }

  const known = (key: string): Answer => answers.get(key);
  const verdict = (policies: readonly Made[], answer: (key: string) => Answer = known) =>
    verdictOf(compiled(policies), answer);
  const admits = (policies: readonly Made[], answer = known) => verdict(policies, answer).violations.length === 0;
  const passes = ({ authorities }: Made) => authorities.some((name) => outcomes[name].passes);
  const softened = ({ mode }: Made) => mode === 'warn';

  test('all policies must pass, in each one authority is enough, warn mode warns', () => {
    fc.assert(
      fc.property(several, (policies) => {
        const { violations, warnings } = verdict(policies);
        const failing = policies.filter((policy) => !passes(policy));
        expect(violations).toHaveLength(failing.filter((policy) => !softened(policy)).length);
        expect(warnings).toHaveLength(failing.filter(softened).length);
      }),
    );
  });

  test('one more authority never refuses what was admitted', () => {
    fc.assert(
      fc.property(several, enforced, outcome, (others, policy, added) => {
        const more = { ...policy, authorities: [...policy.authorities, added] };
        expect(admits([...others, policy]) && !admits([...others, more])).toBe(false);
      }),
    );
  });

  test('one more policy never admits what was refused', () => {
    fc.assert(
      fc.property(several, made, (policies, added) => {
        expect(!admits(policies) && admits([...policies, added])).toBe(false);
      }),
    );
  });

  test('evidence that is missing never admits', () => {
    fc.assert(
      fc.property(several, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), (policies, kept) => {
        const keys = [...answers.keys()];
        const some = (key: string) => (kept[keys.indexOf(key)] === true ? answers.get(key) : undefined);
        expect(!admits(policies) && admits(policies, some)).toBe(false);
        const enforcedOnly = policies.map((it): Made => ({ ...it, mode: 'enforce' }));
        const static_ = enforcedOnly.every(({ authorities }) => authorities.includes('pass'));
        expect(admits(enforcedOnly, () => undefined)).toBe(static_);
      }),
    );
  });

  test('evidence about something else never admits', () => {
    const planned = plan(snapshotOf([policyFor([byKey])]), pinned('ghcr.io/org/app'), pod);
    const [question] = planned.questions;
    fc.assert(
      fc.property(fc.string(), (id) => {
        fc.pre(id !== question?.id);
        const evidence: Evidence = new Map([[id, ok([signedByKey])]]);
        expect(judge(planned, where, 'allow', evidence).violations).toHaveLength(1);
      }),
    );
  });

  test('the order in which signatures were found changes nothing', () => {
    const facts: readonly SignatureFact[] = [
      rejected('KEY_MISMATCH', 'one'),
      rejected('KEY_MISMATCH', 'two'),
      rejected('TLOG_INVALID', 'three'),
      attestation,
      signedBy('me'),
    ];
    const straight = verdictOf([policyFor([byKey])], ok(facts));
    fc.assert(
      fc.property(fc.shuffledSubarray([...facts], { minLength: facts.length }), (shuffled) => {
        expect(verdictOf([policyFor([byKey])], ok(shuffled))).toEqual(straight);
      }),
    );
  });
});
