import { describe, expect, test } from 'vitest';
import { digestOf } from '../../src/kernel/digest.ts';
import { failure, type FailureCode } from '../../src/kernel/failure.ts';
import { fail, ok, type Result } from '../../src/kernel/result.ts';
import type { Evaluation } from '../../src/policy/evaluation.ts';
import type { AttestationCheck, SignatureFact } from '../../src/policy/facts.ts';
import { judge, policiesToEvaluate } from '../../src/policy/judge.ts';
import type {
  AttestationDemand,
  ClusterImagePolicy,
  Compatibility,
  Mode,
  ObjectPolicy,
  PolicyCode,
  PolicySnapshot,
} from '../../src/policy/model.ts';
import { buildSnapshot } from '../../src/policy/snapshot.ts';
import { dependsOnDigest, planUnpinned } from '../../src/policy/plan-unpinned.ts';
import { needsEvidence, plan, type Plan } from '../../src/policy/plan.ts';
import { policyInput } from '../../src/policy/policy-input.ts';
import type { Evidence, ImageVerdict } from '../../src/policy/verdict.ts';
import {
  byKey,
  deny,
  issuer,
  keyless,
  pass,
  pinned,
  pod,
  policyFor,
  publicRoot,
  snapshotOf,
  subject,
  trustRoot,
} from './kit.ts';

const code = (text: string): PolicyCode => ({ language: 'cue', text, hash: digestOf(text) });
const anything: ObjectPolicy = {
  code: code('{}'),
  fetchConfigFile: false,
  includeSpec: false,
  includeObjectMeta: false,
  includeTypeMeta: false,
};
const vuln: AttestationDemand = { name: 'scanned', predicateType: 'vuln' };
const custom: AttestationDemand = { name: 'reviewed', predicateType: 'custom', policy: code('predicate: {}') };

/** A policy of these authorities which demand attestations. */
function attested(
  authorities: readonly unknown[],
  attestations: readonly AttestationDemand[],
  mode: Mode = 'enforce',
): ClusterImagePolicy {
  const policy = policyFor(authorities, 'p', { mode });
  const demanding = policy.authorities.map((one) => (one.kind === 'static' ? one : { ...one, attestations }));
  return { ...policy, authorities: demanding };
}

function coded(authorities: readonly unknown[], rule: Partial<ObjectPolicy> = {}): ClusterImagePolicy {
  return { ...policyFor(authorities), policy: { ...anything, ...rule } };
}

const byTheKey = { kind: 'key', fingerprint: '00' } as const;
const byTheWorkflow = {
  kind: 'certificate',
  issuer,
  subjects: [subject, 'somebody@example.com'],
  extensions: { githubWorkflowTrigger: 'push', githubWorkflowRepository: 'org/app', githubWorkflowName: '' },
} as const;

const attestation = (
  predicateType: string,
  checks: readonly AttestationCheck[],
  members: object = {},
): SignatureFact => ({
  verified: true,
  format: 'legacy',
  type: 'attestation',
  signer: byTheKey,
  annotations: {},
  predicateType,
  checks,
  ...members,
});
const signature = (members: object = {}): SignatureFact => ({
  verified: true,
  format: 'bundle',
  type: 'signature',
  signer: byTheKey,
  annotations: {},
  id: 'abcd',
  ...members,
});
const refusal = failure('POLICY_UNSATISFIED', 'failed evaluating cue policy for reviewed: no');

function planOf(policy: ClusterImagePolicy): Plan {
  return plan(snapshotOf([policy]), pinned('ghcr.io/org/app'), pod);
}

function evidenceOf(planned: Plan, answer: Result<readonly SignatureFact[]>): Evidence {
  return new Map(planned.questions.map(({ id }) => [id, answer]));
}

function verdictOf(
  policy: ClusterImagePolicy,
  facts: readonly SignatureFact[] | Result<readonly SignatureFact[]>,
  evaluation?: Result<Evaluation>,
): ImageVerdict {
  const planned = planOf(policy);
  const evaluations = new Map(evaluation === undefined ? [] : [['p', evaluation]]);
  const where = { fields: ['spec.containers[0].image'], text: 'ghcr.io/org/app:v1' };
  const answer = 'ok' in facts ? facts : ok(facts);
  return judge(planned, where, 'deny', evidenceOf(planned, answer), evaluations);
}

const reasons = ({ violations }: ImageVerdict): unknown =>
  violations.map(({ code: found, message }) => [found, message]);

describe('attestations', () => {
  test('are asked for instead of signatures, and equal demands are one question', () => {
    const { questions } = planOf(attested([byKey, byKey], [vuln, custom]));

    expect(questions).toMatchObject([{ kind: 'attestations', wanted: [vuln, custom] }]);
  });

  test('of another type, another code or another name are another question', () => {
    const ids = [
      [vuln],
      [custom],
      [vuln, custom],
      [{ ...custom, policy: code('predicate: 1') }],
      [{ ...vuln, name: 'v' }],
      [],
    ].map((wanted) => planOf(attested([byKey], wanted)).questions[0]?.id);

    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).not.toContain(undefined);
  });

  test.each<[string, readonly AttestationDemand[], readonly SignatureFact[]]>([
    ['one that is demanded', [vuln], [attestation('v', [{ demand: 0 }])]],
    ['one for each demand', [vuln, custom], [attestation('v', [{ demand: 0 }]), attestation('c', [{ demand: 1 }])]],
    ['one for two demands', [custom, custom], [attestation('c', [{ demand: 0 }, { demand: 1 }])]],
    [
      'a good one beside one that the code refuses',
      [custom],
      [attestation('c', [{ demand: 0, refusal }]), attestation('c', [{ demand: 0 }])],
    ],
  ])('satisfy: %s', (_title, wanted, facts) => {
    expect(verdictOf(attested([byKey], wanted), facts).violations).toEqual([]);
  });

  const missing = 'failed policy p: no matching attestations with type';

  test.each<[string, readonly AttestationDemand[], readonly SignatureFact[], FailureCode, string]>([
    ['none at all', [vuln], [], 'ATTESTATION_MISSING', `${missing} vuln: none was found`],
    [
      'only a signature',
      [vuln],
      [signature()],
      'ATTESTATION_MISSING',
      `${missing} vuln, checked the following predicateTypes: "unknown"`,
    ],
    [
      'one of another type',
      [vuln],
      [attestation('c', [])],
      'ATTESTATION_MISSING',
      `${missing} vuln, checked the following predicateTypes: "c"`,
    ],
    [
      'one that the code refuses',
      [custom],
      [attestation('c', [{ demand: 0, refusal }])],
      'POLICY_UNSATISFIED',
      `failed policy p: ${refusal.message}`,
    ],
    [
      'one of two',
      [vuln, custom],
      [attestation('v', [{ demand: 0 }])],
      'ATTESTATION_MISSING',
      `${missing} custom, checked the following predicateTypes: "v"`,
    ],
    [
      'one of two with one name, which may not stand for both',
      [
        { ...vuln, name: 'same' },
        { ...custom, name: 'same' },
      ],
      [attestation('c', [{ demand: 1 }])],
      'ATTESTATION_MISSING',
      `${missing} vuln, checked the following predicateTypes: "c"`,
    ],
    [
      'a signature that carries checks',
      [vuln],
      [signature({ checks: [{ demand: 0 }] })],
      'ATTESTATION_MISSING',
      `${missing} vuln, checked the following predicateTypes: "unknown"`,
    ],
    [
      'one that is not proven',
      [vuln],
      [{ verified: false, format: 'legacy', type: 'attestation', code: 'SIGNATURE_INVALID', message: 'forged' }],
      'SIGNATURE_INVALID',
      'failed policy p: forged',
    ],
  ])('do not satisfy: %s', (_title, wanted, facts, expected, message) => {
    expect(reasons(verdictOf(attested([byKey], wanted), facts))).toEqual([[expected, message]]);
  });

  test('of somebody else do not satisfy, and who it was is said', () => {
    const others = attestation('v', [{ demand: 0 }], {
      signer: { ...byTheWorkflow, subjects: ['https://evil.example'] },
    });

    expect(reasons(verdictOf(attested([keyless], [vuln]), [others]))).toMatchObject([['IDENTITY_MISMATCH', /evil/]]);
  });

  test('that could not be read are not missing', () => {
    const away = fail(failure('REGISTRY_UNREACHABLE', 'the registry is away', 5));

    expect(reasons(verdictOf(attested([byKey], [vuln]), away))).toMatchObject([['REGISTRY_UNREACHABLE', /away/]]);
  });

  test('are softened by a policy that warns', () => {
    const { violations, warnings } = verdictOf(attested([byKey], [vuln], 'warn'), []);

    expect(violations).toEqual([]);
    expect(warnings).toMatchObject([{ code: 'ATTESTATION_MISSING' }]);
  });
});

describe('code of a policy', () => {
  test('needs every signature, and evidence even where a static authority passes', () => {
    expect(planOf(coded([byKey])).questions).toMatchObject([{ kind: 'signatures', everyOne: true }]);
    expect(planOf(policyFor([byKey])).questions[0]).not.toHaveProperty('everyOne');
    expect(needsEvidence([coded([pass])])).toBe(true);
    expect(needsEvidence([policyFor([pass])])).toBe(false);
    expect(needsEvidence([{ ...coded([pass]), notReady: ['no'] }])).toBe(false);
  });

  test('is evaluated only when an authority passes', () => {
    const planned = planOf(coded([byKey]));

    expect(policiesToEvaluate(planned, evidenceOf(planned, ok([signature()])))).toHaveLength(1);
    expect(policiesToEvaluate(planned, evidenceOf(planned, ok([])))).toEqual([]);
    expect(policiesToEvaluate(planned, new Map())).toEqual([]);
    const notReady = planOf({ ...coded([pass]), notReady: ['no'] });
    expect(policiesToEvaluate(notReady, new Map())).toEqual([]);
    const without = planOf(policyFor([pass]));
    expect(policiesToEvaluate(without, new Map())).toEqual([]);
  });

  test('is not asked while it is not known who has signed', () => {
    const policy = coded([pass, byKey]);
    const planned = planOf(policy);
    const away = fail(failure('REGISTRY_UNREACHABLE', 'the registry is away', 5));

    expect(policiesToEvaluate(planned, evidenceOf(planned, away))).toEqual([]);
    expect(policiesToEvaluate(planned, evidenceOf(planned, ok([])))).toHaveLength(1);
    expect(reasons(verdictOf(policy, away, ok({ result: 'pass', message: '' })))).toMatchObject([
      ['REGISTRY_UNREACHABLE', 'failed policy p: the registry is away'],
    ]);
    expect(verdictOf(policyFor([pass, byKey]), away).violations).toEqual([]);
  });

  test('is not asked about an image whose digest is not known', () => {
    const { digest: _digest, ...unpinned } = pinned('ghcr.io/org/app');
    const away = failure('REGISTRY_UNREACHABLE', 'the registry is away', 5);
    const planned = planUnpinned(snapshotOf([coded([pass])]), unpinned, pod, away);
    const verdict = judge(planned, { fields: [], text: 'ghcr.io/org/app' }, 'deny', new Map());

    expect(reasons(verdict)).toEqual([['REGISTRY_UNREACHABLE', 'failed policy p: the registry is away']]);
  });

  test('admits when it passes', () => {
    expect(verdictOf(coded([byKey]), [signature()], ok({ result: 'pass', message: '' })).violations).toEqual([]);
  });

  test.each<[string, readonly unknown[], readonly SignatureFact[], Result<Evaluation> | undefined, unknown]>([
    [
      'it says no',
      [byKey],
      [signature()],
      ok({ result: 'fail', message: 'no' }),
      [['POLICY_UNSATISFIED', 'failed policy p: no']],
    ],
    [
      'it says no on two lines, with a name that steers a terminal',
      [byKey],
      [signature()],
      ok({ result: 'fail', message: 'no:\n  \u001b[2Jname\u202e' }),
      [['POLICY_UNSATISFIED', String.raw`failed policy p: no: \u{1b}[2Jname\u{202e}`]],
    ],
    [
      'it warns',
      [pass],
      [],
      ok({ result: 'warn', message: 'warning: old' }),
      [['POLICY_UNSATISFIED', 'failed policy p: warning: old']],
    ],
    [
      'it was not evaluated',
      [byKey],
      [signature()],
      undefined,
      [['INTERNAL', 'failed policy p: its code was not evaluated']],
    ],
    [
      'it was ended',
      [byKey],
      [signature()],
      fail(failure('POLICY_LIMIT_EXCEEDED', 'ended')),
      [['POLICY_LIMIT_EXCEEDED', 'failed policy p: ended']],
    ],
    [
      'it could not be evaluated',
      [byKey],
      [signature()],
      fail(failure('POLICY_ENGINE_UNAVAILABLE', 'down')),
      [['POLICY_ENGINE_UNAVAILABLE', 'failed policy p: down']],
    ],
    [
      'it passes, and no authority does',
      [byKey],
      [],
      ok({ result: 'pass', message: '' }),
      [['SIGNATURE_MISSING', 'failed policy p: no signatures found']],
    ],
    [
      'it passes, and a static authority forbids',
      [deny],
      [],
      ok({ result: 'pass', message: '' }),
      [['STATIC_FAIL', 'failed policy p: disallowed by static policy: not here']],
    ],
  ])('refuses when %s', (_title, authorities, facts, evaluation, expected) => {
    expect(reasons(verdictOf(coded(authorities), facts, evaluation))).toEqual(expected);
  });
});

describe('what code is told', () => {
  const content = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'app', labels: { a: 'b' } },
    spec: { replicas: 2 },
    status: { secret: 1 },
  };

  function inputOf(
    policy: ClusterImagePolicy,
    facts: readonly SignatureFact[],
    configs?: Record<string, unknown>,
  ): unknown {
    const planned = planOf(policy);
    const [first] = planned.policies;
    if (first === undefined || policy.policy === undefined) throw new Error('there is no code');
    const evidence = evidenceOf(planned, ok(facts));
    const place = configs === undefined ? { content } : { content, configs };
    return JSON.parse(policyInput(first, policy.policy, evidence, place));
  }

  test('are the authorities that pass, by name', () => {
    const policy = coded([
      { name: 'free', ...pass },
      { name: 'no', ...deny },
      { name: 'by', ...byKey },
    ]);

    expect(inputOf(policy, [signature()])).toEqual({
      authorityMatches: { free: { static: true }, by: { signatures: [{ id: 'abcd' }] } },
    });
  });

  test('are signers, with what their certificates say', () => {
    const facts = [
      signature({ signer: byTheWorkflow }),
      signature({ signer: { ...byTheWorkflow, subjects: ['https://evil.example'] } }),
      { verified: false, format: 'bundle', type: 'signature', code: 'SIGNATURE_INVALID', message: '' } as const,
    ];

    expect(inputOf(coded([{ name: 'ci', ...keyless }]), facts)).toEqual({
      authorityMatches: {
        ci: {
          signatures: [{ id: 'abcd', subject, issuer, githubWorkflowTrigger: 'push', githubWorkflowRepo: 'org/app' }],
        },
      },
    });
  });

  test('are attestations by the name of their demand, with the type as the policy writes it', () => {
    const policy = { ...attested([{ name: 'by', ...byKey }], [vuln, custom]), policy: anything };
    const facts = [
      attestation('https://vuln', [{ demand: 0 }], { id: '01', layer: 'sha256:11' }),
      attestation('https://custom', [{ demand: 1 }], { id: '02' }),
      attestation('https://custom', [{ demand: 1, refusal }], { id: '03' }),
    ];

    expect(inputOf(policy, facts)).toEqual({
      authorityMatches: {
        by: {
          attestations: {
            scanned: [{ id: '01', predicateType: 'vuln', digest: 'sha256:11' }],
            reviewed: [{ id: '02', predicateType: 'custom' }],
          },
        },
      },
    });
  });

  test('are the object and the image only where the policy asks for them', () => {
    const authorityMatches = { free: { static: true } };
    const free = [{ name: 'free', ...pass }];
    const configs = { 'linux/amd64': { os: 'linux' } };

    expect(inputOf(coded(free), [], configs)).toEqual({ authorityMatches });
    expect(inputOf(coded(free, { includeSpec: true }), [])).toEqual({ authorityMatches, spec: { replicas: 2 } });
    expect(inputOf(coded(free, { includeObjectMeta: true }), [])).toEqual({
      authorityMatches,
      metadata: content.metadata,
    });
    expect(inputOf(coded(free, { includeTypeMeta: true }), [])).toEqual({
      authorityMatches,
      typemeta: { kind: 'Deployment', apiVersion: 'apps/v1' },
    });
    expect(inputOf(coded(free, { fetchConfigFile: true }), [], configs)).toEqual({ authorityMatches, config: configs });
  });

  test('hold names like any other, whatever they mean to JavaScript', () => {
    const policy = coded([{ name: '__proto__', ...pass }]);
    const planned = planOf(policy);
    const [first] = planned.policies;

    expect(first && policyInput(first, anything, new Map(), { content })).toBe(
      '{"authorityMatches":{"__proto__":{"static":true}}}',
    );
  });
});

describe('compatible with policy-controller', () => {
  const compatible = (policy: ClusterImagePolicy, ...compatibility: readonly Compatibility[]): PolicySnapshot =>
    buildSnapshot({
      policies: [policy],
      trustRoots: [publicRoot, trustRoot('mine', ['https://log'])],
      noMatch: 'deny',
      compatibility,
    });
  const tagged = { ...pinned('ghcr.io/org/app'), tag: 'v1' };
  const deployments = { ...pod, group: 'apps', resource: 'deployments' };

  test('a glob with a tag matches no pinned image', () => {
    const policy = policyFor([pass], 'p', { images: [{ glob: 'ghcr.io/org/app:v1' }] });

    expect(plan(compatible(policy), tagged, pod).policies).toHaveLength(1);
    expect(plan(compatible(policy, 'tag-globs'), tagged, pod).policies).toEqual([]);
    expect(plan(compatible(policyFor([pass]), 'tag-globs'), tagged, pod).policies).toHaveLength(1);
  });

  test('code is not told the kind of a Pod, and of nothing but Pods', () => {
    const told = (object: typeof pod, ...compatibility: readonly Compatibility[]) =>
      plan(compatible(coded([pass], { includeTypeMeta: true }), ...compatibility), tagged, object).policies[0]?.policy
        .policy?.includeTypeMeta;

    expect([told(pod), told(pod, 'typemeta-of-pods'), told(deployments, 'typemeta-of-pods')]).toEqual([
      true,
      false,
      true,
    ]);
  });

  test('a log is demanded only where it is named, or of the public root', () => {
    const demandOf = (members: object, ...compatibility: readonly Compatibility[]) => {
      const policy = policyFor([{ keyless: { ...keyless.keyless, ...members } }]);
      return plan(compatible(policy, ...compatibility), tagged, pod).questions[0]?.trust.log.demand;
    };

    expect(demandOf({ trustRootRef: 'mine' })).toBe('required');
    expect(demandOf({ trustRootRef: 'mine' }, 'log-of-trust-root')).toBe('ignored');
    expect(demandOf({}, 'log-of-trust-root')).toBe('required');
  });

  test('every tag is resolved', () => {
    const { digest: _digest, ...unpinned } = tagged;

    expect(dependsOnDigest(compatible(policyFor([pass])), unpinned, pod)).toBe(false);
    expect(dependsOnDigest(compatible(policyFor([pass]), 'static-needs-no-registry'), unpinned, pod)).toBe(true);
  });

  test('is a part of what requests are judged under', () => {
    const policy = policyFor([pass]);

    expect(compatible(policy).generation).not.toBe(compatible(policy, 'tag-globs').generation);
    expect(compatible(policy, 'tag-globs', 'typemeta-of-pods').generation).toBe(
      compatible(policy, 'typemeta-of-pods', 'tag-globs').generation,
    );
  });
});
