import { describe, expect, test } from 'vitest';
import { createActions } from '../../src/admission/prove-action.ts';
import type { ActionContract } from '../../src/contract/model.ts';
import { failure, type FailureCode } from '../../src/kernel/failure.ts';
import { repositoryName } from '../../src/kernel/image-reference.ts';
import { fail, ok, type Result } from '../../src/kernel/result.ts';
import type { SignatureFact } from '../../src/policy/facts.ts';
import type { Authority, PolicySnapshot } from '../../src/policy/model.ts';
import type { Evidence } from '../../src/policy/verdict.ts';
import type { PodTemplate, ProvenAction } from '../../src/ports/actions.ts';
import { actionTemplate } from '../../src/workflow/action-job.ts';
import type { Action } from '../../src/workflow/model.ts';
import { contractWith } from '../contract/kit.ts';
import { actionPolicy } from '../policy/action-kit.ts';
import {
  Bench,
  byKey,
  digestFor,
  fails,
  passes,
  pinned,
  policy,
  reviewOf,
  signed,
  snapshotOf,
  unreachable,
  unsigned,
} from './bench.ts';
import { noPolicyCode } from '../fakes/policy-code.ts';

const repository = 'a.example/actions/scale';
const image = pinned(repository);
const base: Action = {
  apiVersion: 'execution.kubernaut.ai/v1alpha1',
  kind: 'ActionExecution',
  namespace: 'team',
  name: 'fix-scale',
  uid: 'u',
  generation: 1,
  resourceVersion: '1',
  verification: 'strict',
  inputs: { replicas: 3 },
  cancel: false,
  workflow: 'fix',
  step: 'scale',
  isDeleted: false,
};
const contract = contractWith({
  inputs: [
    { name: 'replicas', type: 'integer', required: true },
    { name: 'grace', type: 'duration', default: '5s' },
  ],
});
const permitted = contractWith({
  inputs: [{ name: 'replicas', type: 'integer' }],
  rbac: { permissions: [{ apiGroups: ['apps'], resources: ['deployments'], verbs: ['patch'] }] },
});
const everything = [policy('everything-signed', '**')];

interface Given {
  readonly policies?: PolicySnapshot | 'none';
  readonly facts?: Result<readonly SignatureFact[]>;
  readonly contract?: Result<ActionContract | undefined>;
  readonly tag?: Result<ReturnType<typeof digestFor>>;
  readonly image?: string;
  readonly inputs?: Action['inputs'];
  readonly template?: (template: PodTemplate) => PodTemplate;
}

async function prove(given: Given = {}): Promise<Result<ProvenAction>> {
  const { policies = snapshotOf(everything), facts = signed, image: wanted = image } = given;
  const actions = createActions({
    pullSecrets: { ofAccounts: async () => ok([]) },
    policies: { current: () => (policies === 'none' ? undefined : policies), problems: () => [] },
    clock: { now: () => new Date('2026-01-01T00:00:00Z') },
    evidence: {
      resolveTag: async (of) => given.tag ?? ok(digestFor(repositoryName(of))),
      answer: async (questions): Promise<Evidence> => new Map(questions.map(({ id }) => [id, facts])),
      contract: async () => given.contract ?? ok(contract),
      ...noPolicyCode,
    },
  });
  const template = actionTemplate({ ...base, inputs: given.inputs ?? base.inputs }, wanted);
  const what = { namespace: 'team', image: wanted, template: given.template?.(template) ?? template };
  return actions.prove(what, new AbortController().signal);
}

async function provenOf(given: Given = {}): Promise<ProvenAction> {
  const proof = await prove(given);
  if (!proof.ok) throw new Error(proof.failure.message);
  return proof.value;
}

const codeOf = async (given: Given): Promise<FailureCode | undefined> => {
  const proof = await prove(given);
  return proof.ok ? undefined : proof.failure.code;
};

describe('an action that is proven', () => {
  test('is pinned and bound, and says who has signed it', async () => {
    const proof = await provenOf({ image: `${repository}:1` });
    expect(proof).toMatchObject({
      image: pinned(repository, '1'),
      signers: ['sha256:00'],
      contract: { name: 'git-clone' },
      warnings: [],
    });
    expect(proof.template).toMatchObject({
      metadata: { annotations: { 'countersign.dev/contract': `git-clone@v1.0.0 ${digestFor(repository)}` } },
      spec: {
        automountServiceAccountToken: false,
        containers: [
          {
            image: pinned(repository, '1'),
            env: [{ name: 'ACTION_INPUTS', value: '{"replicas":3,"grace":"5s"}' }],
            resources: { limits: { memory: '512Mi' } },
            securityContext: { runAsUser: 1000, allowPrivilegeEscalation: false },
          },
        ],
      },
    });
  });

  test('keeps its name when that has a digest', async () => {
    expect((await provenOf()).image).toBe(image);
  });

  test('names who has signed it by the certificate', async () => {
    const authority: Authority = {
      kind: 'keyless',
      name: 'ci',
      attestations: [],
      identities: [
        {
          issuer: { kind: 'exact', text: 'https://i.example' },
          subject: { kind: 'below', prefix: 'https://ci.example/' },
        },
      ],
      insecureIgnoreSct: true,
      caCert: 'a certificate',
    };
    const signer = {
      kind: 'certificate',
      issuer: 'https://i.example',
      subjects: ['https://ci.example/x'],
      extensions: {},
    } as const;
    const facts = ok([{ verified: true, format: 'bundle', type: 'signature', signer, annotations: {} }] as const);
    const proof = await provenOf({ policies: snapshotOf([policy('ci', '**', { authorities: [authority] })]), facts });
    expect(proof.signers).toStrictEqual(['https://ci.example/x (https://i.example)']);
  });

  test('has the service account of its contract when that has permissions', async () => {
    const { template } = await provenOf({ contract: ok(permitted) });
    expect(template.spec['serviceAccountName']).toBe('git-clone-sa');
    expect(template.spec['automountServiceAccountToken']).toBeUndefined();
  });

  test('has no token when it has no contract', async () => {
    const { template, contract: read } = await provenOf({ contract: ok(undefined) });
    expect(read).toBeUndefined();
    expect(template.spec['automountServiceAccountToken']).toBe(false);
  });

  test.each([
    ['no ActionPolicy', []],
    ['one that is enforced', [actionPolicy({ mode: 'enforce', podSecurity: 'restricted' })]],
    ['one that only warns', [actionPolicy({ mode: 'warn' })]],
    ['one that only watches', [actionPolicy({ mode: 'audit', podSecurity: 'restricted' })]],
  ])('comes through the gate unchanged, with %s', async (_what, actionPolicies) => {
    const policies = snapshotOf(everything, 'deny', actionPolicies);
    const { template } = await provenOf({ policies });
    const bench = new Bench({ policies, contract: () => ok(contract) });
    const pod = { metadata: template.metadata, spec: template.spec };
    expect((await bench.review('mutate', reviewOf(pod))).response.patch).toBeUndefined();
    expect((await bench.review('validate', reviewOf(pod))).response).toMatchObject({ allowed: true });
  });
});

describe('an action that is refused', () => {
  const warn = { mode: 'warn' } as const;
  test.each<[string, Given, FailureCode]>([
    ['unsigned', { facts: unsigned }, 'SIGNATURE_MISSING'],
    [
      'unsigned, though the policy only warns',
      { facts: unsigned, policies: snapshotOf([policy('p', '**', warn)]) },
      'SIGNATURE_MISSING',
    ],
    ['that no policy knows, though that is allowed', { policies: snapshotOf([], 'allow') }, 'NO_MATCHING_POLICY'],
    ['that no policy knows, though that only warns', { policies: snapshotOf([], 'warn') }, 'NO_MATCHING_POLICY'],
    ['by a static policy', { policies: snapshotOf([policy('p', '**', { authorities: [fails] })]) }, 'STATIC_FAIL'],
    [
      'by one of two policies',
      { policies: snapshotOf([...everything, policy('q', '**', { authorities: [fails] })]) },
      'STATIC_FAIL',
    ],
    [
      'by a policy that is not ready',
      { policies: snapshotOf([policy('p', '**', { notReady: ['no key'] })]) },
      'POLICY_NOT_READY',
    ],
    [
      'without a contract where one is demanded',
      { contract: ok(undefined), policies: snapshotOf(everything, 'deny', [actionPolicy()]) },
      'CONTRACT_MISSING',
    ],
    [
      'without a contract where one is demanded with a warning',
      { contract: ok(undefined), policies: snapshotOf(everything, 'deny', [actionPolicy({ ...warn })]) },
      'CONTRACT_MISSING',
    ],
    ['with an input of another type', { inputs: { replicas: 'many' } }, 'INPUT_INVALID'],
    ['without an input', { inputs: {} }, 'INPUT_INVALID'],
    ['with an input that nobody knows', { inputs: { replicas: 1, x: 1 } }, 'INPUT_INVALID'],
    [
      'with wrong inputs, though the policy only warns',
      { inputs: {}, policies: snapshotOf(everything, 'deny', [actionPolicy(warn)]) },
      'INPUT_INVALID',
    ],
    [
      'in a namespace where it may not run',
      { policies: snapshotOf(everything, 'deny', [actionPolicy({ namespaces: { allow: ['other'] } })]) },
      'NAMESPACE_NOT_ALLOWED',
    ],
    ['without a name', { image: '' }, 'IMAGE_MISSING'],
    ['with a name that is none', { image: 'UPPER/case' }, 'IMAGE_REFERENCE_INVALID'],
    [
      'whose tag is not there',
      { image: `${repository}:1`, tag: fail(failure('IMAGE_NOT_FOUND', 'no such tag')) },
      'IMAGE_NOT_FOUND',
    ],
    [
      'whose tag nobody can resolve',
      { image: `${repository}:1`, tag: fail(failure('REGISTRY_TIMEOUT', 'late')) },
      'REGISTRY_TIMEOUT',
    ],
    [
      'under whatever digest, though nobody can resolve its tag',
      {
        image: `${repository}:1`,
        tag: fail(failure('REGISTRY_TIMEOUT', 'late')),
        policies: snapshotOf([policy('p', '**', { authorities: [fails] })]),
      },
      'STATIC_FAIL',
    ],
    [
      'by tag where digests are demanded',
      {
        image: `${repository}:1`,
        policies: snapshotOf(everything, 'deny', [actionPolicy({ digests: { require: true, resolve: 'Never' } })]),
      },
      'IMAGE_NOT_PINNED',
    ],
    ['whose signatures cannot be had', { facts: unreachable }, 'REGISTRY_UNREACHABLE'],
    ['before there are policies', { policies: 'none' }, 'POLICIES_UNAVAILABLE'],
    [
      'beside another container',
      {
        template: ({ metadata, spec }) => ({
          metadata,
          spec: { ...spec, initContainers: [{ name: 'i', image: 'x' }] },
        }),
      },
      'INTERNAL',
    ],
    [
      'in a Pod of another image',
      { template: ({ metadata, spec }) => ({ metadata, spec: { ...spec, containers: [{ name: 'i', image: 'x' }] } }) },
      'INTERNAL',
    ],
    [
      'in the network of its node',
      { template: ({ metadata, spec }) => ({ metadata, spec: { ...spec, hostNetwork: true } }) },
      'CONTRACT_CONFLICT',
    ],
  ])('%s', async (_what, given, code) => {
    expect(await codeOf(given)).toBe(code);
  });

  test.each<[string, Given, RegExp]>([
    ['its digest is a placeholder', { image: `${repository}@sha256:abc123` }, /^invalid digest: /],
    [
      'its contract is broken',
      { contract: fail(failure('CONTRACT_INVALID', 'no kind')) },
      /^invalid contract: no kind$/,
    ],
    [
      'its contract cannot be had',
      { contract: fail(failure('REGISTRY_DENIED', 'denied')) },
      /^failed to extract contract: denied$/,
    ],
    [
      'it has none',
      { contract: ok(undefined), policies: snapshotOf(everything, 'deny', [actionPolicy()]) },
      /^failed to extract contract: the image has none/,
    ],
    ['two things are wrong', { inputs: { x: 1 } }, /replicas.*; .*x/],
  ])('says in the words of the documents that %s', async (_what, given, wanted) => {
    const proof = await prove(given);
    expect(proof.ok ? 'proven' : proof.failure.message).toMatch(wanted);
  });
});

test('what a policy that only warns would refuse is a warning', async () => {
  const policies = snapshotOf(everything, 'deny', [actionPolicy({ mode: 'warn', namespaces: { allow: ['other'] } })]);
  const { warnings } = await provenOf({ policies });
  expect(warnings).toStrictEqual(['namespace team is not in the allowlist of actions']);
});

test('a policy that passes by itself needs no signature', async () => {
  const proof = await provenOf({
    policies: snapshotOf([policy('p', '**', { authorities: [passes] })]),
    facts: unsigned,
  });
  expect(proof.signers).toStrictEqual([]);
});

test('one key that has signed for two policies is named once', async () => {
  const policies = snapshotOf([
    policy('p', '**', { authorities: [byKey] }),
    policy('q', '**', { authorities: [byKey] }),
  ]);
  expect((await provenOf({ policies })).signers).toStrictEqual(['sha256:00']);
});

describe('an action in a registry that asks who it is', () => {
  interface Asked {
    readonly proof: Result<ProvenAction>;
    readonly accounts: readonly (readonly string[])[];
    readonly times: number;
  }

  /** Lets in whoever has the Secret `right`. */
  async function askedFor(actionType: string | undefined, secrets: Result<readonly string[]>): Promise<Asked> {
    const accounts: (readonly string[])[] = [];
    let times = 0;
    const denied = fail(failure('REGISTRY_DENIED', 'unauthorized', 5));
    const actions = createActions({
      policies: { current: () => snapshotOf(everything), problems: () => [] },
      clock: { now: () => new Date('2026-01-01T00:00:00Z') },
      pullSecrets: {
        ofAccounts: async (_namespace, of) => {
          accounts.push(of);
          return secrets;
        },
      },
      evidence: {
        ...noPolicyCode,
        resolveTag: async () => denied,
        answer: async (questions, { pullSecrets }): Promise<Evidence> => {
          times += 1;
          return new Map(questions.map(({ id }) => [id, pullSecrets.includes('right') ? signed : denied]));
        },
        contract: async (_image, { pullSecrets }) => (pullSecrets.includes('right') ? ok(permitted) : denied),
      },
    });
    const template = actionTemplate({ ...base, ...(actionType !== undefined && { actionType }) }, image);
    const proof = await actions.prove({ namespace: 'team', image, template }, new AbortController().signal);
    return { proof, accounts, times };
  }

  test('is proven with the pull secrets of its account, and its Pod names them', async () => {
    const { proof, accounts } = await askedFor('kubernetes/scale_deployment', ok(['other', 'right']));
    expect(accounts).toStrictEqual([['scale-deployment-sa', 'kubernetes-scale-deployment-sa', 'default']]);
    expect(proof).toMatchObject({
      ok: true,
      value: { template: { spec: { imagePullSecrets: [{ name: 'other' }, { name: 'right' }] } } },
    });
  });

  test.each([
    ['those secrets are wrong', ok(['other'])],
    ['there are none', ok([])],
    ['nobody knows which', fail(failure('SECRET_UNAVAILABLE', 'no'))],
  ])('stays denied where %s', async (_, secrets) => {
    const { proof } = await askedFor(undefined, secrets);
    expect(proof).toMatchObject({ ok: false, failure: { code: 'REGISTRY_DENIED' } });
  });

  test('is asked about no accounts as long as nobody is denied', async () => {
    expect((await provenOf()).template.spec).not.toHaveProperty('imagePullSecrets');
  });
});
