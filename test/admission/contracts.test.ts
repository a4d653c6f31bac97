/** Contracts and action policies from end to end: what the mutating phase sets, and what the validating phase lets pass. */
import { describe, expect, test } from 'vitest';
import type { Phase } from '../../src/admission/review.ts';
import { failure, type FailureCode } from '../../src/kernel/failure.ts';
import { patched } from '../../src/kernel/json-patch.ts';
import { fail, ok } from '../../src/kernel/result.ts';
import { contractWith } from '../contract/kit.ts';
import { actionPolicy } from '../policy/action-kit.ts';
import {
  Bench,
  deployments,
  digestFor,
  passes,
  pinned,
  podOf,
  policy,
  reviewOf,
  snapshotOf,
  unsigned,
  type Answered,
  type Sent,
  type World,
} from './bench.ts';
import { kindsOfPods, objectWith } from './places.ts';

const repository = 'a.example/clone';
const clone = pinned(repository, '1');
const tagged = `${repository}:1`;
const contract = contractWith({ inputs: [{ name: 'replicas', type: 'integer', default: 2 }] });
const everything = [policy('everything-signed', '**')];

const jobs: Sent = { group: 'batch', version: 'v1', resource: 'jobs', kind: 'Job' };
const replicaSets: Sent = { group: 'apps', version: 'v1', resource: 'replicasets', kind: 'ReplicaSet' };

function worldOf(spec: object | readonly object[] = {}, rest: Partial<World> = {}): World {
  const specs = Array.isArray(spec) ? spec : [spec];
  const actions = specs.map((one: object, index) =>
    actionPolicy({ images: [{ glob: `${repository}@*` }], ...one }, `p${index}`),
  );
  return { policies: snapshotOf(everything, 'deny', actions), contract: () => ok(contract), ...rest };
}

const jobOf = (podSpec: object): object => ({ metadata: { name: 'app' }, spec: { template: { spec: podSpec } } });

interface Gone {
  readonly bench: Bench;
  readonly object: unknown;
  readonly mutated: Answered['response'];
  readonly validated: Answered['response'];
}

/** Through both phases, as the API server does. */
async function go(
  world: World,
  object: unknown,
  of?: Sent,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<Gone> {
  const bench = new Bench(world);
  const mutated = (await bench.review('mutate', reviewOf(object, of, changes))).response;
  const final = applied(object, mutated);
  const validated = (await bench.review('validate', reviewOf(final, of, changes))).response;
  return { bench, object: final, mutated, validated };
}

function applied(object: unknown, { patch }: Answered['response']): unknown {
  return patch === undefined ? object : patched(object, JSON.parse(Buffer.from(patch, 'base64').toString()));
}

const reasonsOf = ({ status }: Answered['response']) =>
  status?.details.causes.map(({ reason, field }) => `${reason} ${field ?? ''}`);

const bound = {
  env: [{ name: 'ACTION_INPUTS', value: '{"replicas":2}' }],
  resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '500m', memory: '512Mi' } },
  securityContext: { runAsUser: 1000, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
};

describe('an action', () => {
  test.each(kindsOfPods)('is bound at $kind', async ({ places, versions: [version = ''], ...kind }) => {
    const at = places[0]?.replace('.containers[0].image', '') ?? '';
    const { object, validated } = await go(worldOf(), objectWith({ [`${at}.containers[0].image`]: tagged }), {
      ...kind,
      version,
    });
    expect(validated).toMatchObject({ allowed: true });
    const template = at.slice(0, -'spec'.length);
    expect(object).toMatchObject(
      objectWith({
        [`${at}.containers[0]`]: { image: clone, ...bound },
        [`${at}.automountServiceAccountToken`]: false,
        [`${template}metadata`]: {
          annotations: { 'countersign.dev/contract': `git-clone@v1.0.0 ${digestFor(repository)}` },
        },
      }),
    );
  });

  test('is bound once: a second round changes nothing', async () => {
    const { object, bench } = await go(worldOf(), podOf(tagged));
    const again = await bench.review('mutate', reviewOf(object));
    expect(again.response.patch).toBeUndefined();
  });

  test('is bound in init containers and beside others, which stay as they are', async () => {
    const spec = {
      containers: [{ name: 'a', image: pinned('a.example/app') }],
      initContainers: [{ name: 'i', image: clone }],
    };
    const { object, validated } = await go(worldOf({ podSecurity: 'baseline' }), { metadata: {}, spec });
    expect(validated.allowed).toBe(true);
    expect(object).toMatchObject({ spec: { initContainers: [bound], containers: spec.containers } });
    expect(object).toHaveProperty('spec.containers', spec.containers);
  });

  test('that is no action of a policy is not asked for its contract', async () => {
    const { bench, mutated } = await go(worldOf(), podOf(pinned('a.example/app')));
    expect(mutated.patch).toBeUndefined();
    expect(bench.contracts).toStrictEqual([]);
  });

  test('whose signatures do not pass is not asked for its contract', async () => {
    const { bench, mutated, validated } = await go(worldOf({}, { facts: () => unsigned }), podOf(clone));
    expect([mutated.patch, bench.contracts]).toStrictEqual([undefined, []]);
    expect(reasonsOf(validated)).toStrictEqual(['SIGNATURE_MISSING spec.containers[0].image']);
  });

  test('has its contract in the record, with its digest', async () => {
    const { bench } = await go(worldOf(), podOf(clone));
    expect(bench.decisions.at(-1)?.images).toStrictEqual([
      {
        field: 'spec.containers[0].image',
        image: clone,
        digest: digestFor(repository),
        policies: ['everything-signed'],
        contract: 'git-clone@v1.0.0',
      },
    ]);
  });
});

describe('without the mutating phase', () => {
  async function validate(object: unknown, world = worldOf()): Promise<Answered['response']> {
    return (await new Bench(world).review('validate', reviewOf(object))).response;
  }

  test('an action is refused, with what is missing', async () => {
    const response = await validate(podOf(clone));
    expect(response).toMatchObject({ allowed: false, status: { code: 403 } });
    expect(reasonsOf(response)).toContain('CONTRACT_CONFLICT spec.containers[0].resources');
    expect(response.status?.message).toContain('the mutating webhook did not run, or its work was undone');
  });

  test.each<[string, (spec: Record<string, unknown>) => void]>([
    ['the token is given back', (spec) => delete spec['automountServiceAccountToken']],
    ['the environment is gone', (spec) => delete container(spec)['env']],
    ['the security context is gone', (spec) => delete container(spec)['securityContext']],
    ['a limit is gone', (spec) => Object.assign(container(spec), { resources: { limits: { memory: '512Mi' } } })],
    ['inputs are there twice', (spec) => Object.assign(container(spec), { env: [...bound.env, ...bound.env] })],
    [
      'capabilities are added',
      (spec) => Object.assign(container(spec), { securityContext: { capabilities: { add: ['SYS_ADMIN'] } } }),
    ],
  ])('or after it, when %s, it is refused', async (_title, undo) => {
    const { object } = await go(worldOf(), podOf(clone));
    const undone = structuredClone(object) as { readonly spec: Record<string, unknown> };
    undo(undone.spec);
    expect(await validate(undone)).toMatchObject({ allowed: false });
  });

  test('spoofed annotations are refused', async () => {
    const { object } = await go(worldOf(), podOf(clone));
    const annotations = { 'countersign.dev/contract': 'root@v1.0.0 sha256:0' };
    const spoofed = { ...(object as object), metadata: { annotations } };
    expect(reasonsOf(await validate(spoofed))).toStrictEqual([
      'CONTRACT_CONFLICT metadata.annotations.countersign.dev/contract',
    ]);
  });

  test('an action of a policy that only warns or watches is admitted as it is', async () => {
    for (const mode of ['warn', 'audit'])
      expect(await validate(podOf(clone), worldOf({ mode }))).toMatchObject({ allowed: true });
  });
});

function container(spec: Record<string, unknown>): Record<string, unknown> {
  const [first] = spec['containers'] as readonly Record<string, unknown>[];
  return first ?? {};
}

describe('a refusal', () => {
  const large = { containers: [{ name: 'a', image: clone, resources: { limits: { memory: '1Gi' } } }] };

  test('names field, image and policy', async () => {
    const { validated, bench } = await go(worldOf(), { metadata: {}, spec: large });
    expect(validated).toMatchObject({ allowed: false, status: { code: 403 } });
    expect(bench.decisions.at(-1)).toMatchObject({
      verdict: 'refuse',
      reasons: [
        {
          code: 'CONTRACT_CONFLICT',
          field: 'spec.containers[0].resources.limits[memory]',
          image: clone,
          policy: 'p0',
          message: '1Gi is more than the contract allows; write 512Mi or less, or leave it out',
        },
      ],
    });
  });

  test('is not needed where the contract overrides', async () => {
    const { validated, object } = await go(worldOf({ contract: { onConflict: 'Override' } }), {
      metadata: {},
      spec: large,
    });
    expect(validated.allowed).toBe(true);
    expect(object).toMatchObject({ spec: { containers: [{ resources: bound.resources }] } });
  });

  test('is a warning where the policy warns, and nothing is set', async () => {
    const { validated, object, bench } = await go(worldOf({ mode: 'warn' }), { metadata: {}, spec: large });
    expect(validated).toMatchObject({
      allowed: true,
      warnings: [expect.stringContaining('CONTRACT_CONFLICT: 1Gi is more')],
    });
    expect(object).toHaveProperty('spec', large);
    expect(bench.decisions.at(-1)).toMatchObject({ verdict: 'warn' });
  });

  test('is recorded, and nothing else, where the policy audits', async () => {
    const { validated, mutated, bench } = await go(worldOf({ mode: 'audit' }), { metadata: {}, spec: large });
    expect(mutated.patch).toBeUndefined();
    expect(validated).toMatchObject({ allowed: true });
    expect(validated.warnings ?? []).toStrictEqual([]);
    expect(bench.decisions.at(-1)).toMatchObject({
      verdict: 'admit',
      reasons: [],
      audited: [{ code: 'CONTRACT_CONFLICT', policy: 'p0', field: 'spec.containers[0].resources.limits[memory]' }],
    });
  });

  test('lists everything at once, and one thing once', async () => {
    const env = [{ name: 'ACTION_INPUTS', value: '{"replicas":"x","force":true}' }];
    const bad = { name: 'a', image: clone, env, securityContext: { privileged: true } };
    const { validated } = await go(worldOf({ namespaces: { allow: ['x'] } }), {
      metadata: {},
      spec: { containers: [bad, { ...bad, name: 'b' }] },
    });
    const reasons = reasonsOf(validated) ?? [];
    expect(new Set(reasons)).toContain('INPUT_INVALID spec.containers[1].env[0].value');
    expect(new Set(reasons)).toContain('CONTRACT_CONFLICT spec.containers[0].securityContext.privileged');
    expect(reasons.filter((reason) => reason.startsWith('NAMESPACE_NOT_ALLOWED'))).toHaveLength(1);
  });

  test('of the namespace says which, and whose list it is not in', async () => {
    const { validated } = await go(worldOf({ namespaces: { allow: ['kubernaut-*'] } }), podOf(clone));
    expect(validated.status?.message).toContain('NAMESPACE_NOT_ALLOWED: namespace team is not in the allowlist of p0');
  });

  test('of a target is at the value of the inputs of a Job', async () => {
    const restart = contractWith({ inputs: [{ name: 'namespace', type: 'string', required: true }] });
    const env = [{ name: 'ACTION_INPUTS', value: '{"namespace":"kube-system"}' }];
    const world = worldOf({ targets: { allow: ['team-*'] } }, { contract: () => ok(restart) });
    const { validated } = await go(world, jobOf({ containers: [{ image: clone, env }] }), jobs);
    expect(reasonsOf(validated)).toStrictEqual(['TARGET_NOT_ALLOWED spec.template.spec.containers[0].env[0].value']);
    expect(validated.status?.message).toContain('input namespace: namespace kube-system is not in the allowlist of p0');
  });
});

describe('a contract', () => {
  const broken = fail(failure('CONTRACT_INVALID', 'the image has something else in its place'));
  const away = fail(failure('REGISTRY_UNREACHABLE', 'a.example does not answer', 7));

  test.each<[string, Partial<World>, FailureCode, number]>([
    ['that is missing', { contract: () => ok(undefined) }, 'CONTRACT_MISSING', 403],
    ['that cannot be read', { contract: () => broken }, 'CONTRACT_INVALID', 403],
    ['that cannot be had', { contract: () => away }, 'REGISTRY_UNREACHABLE', 503],
  ])('%s is a refusal', async (_title, rest, code, status) => {
    const { validated, mutated } = await go(worldOf({}, rest), podOf(clone));
    expect(mutated).toMatchObject({ allowed: true });
    expect(mutated.patch).toBeUndefined();
    expect(validated).toMatchObject({
      allowed: false,
      status: { code: status, details: { causes: [{ reason: code }] } },
    });
  });

  test.each<[string, object, World['contract']]>([
    ['may be missing where the policy says so', { contract: { required: false } }, () => ok(undefined)],
    ['is not refused by a policy that audits', { mode: 'audit' }, () => broken],
    ['is not refused by a policy that warns', { mode: 'warn' }, () => away],
  ])('%s', async (_title, spec, of = () => broken) => {
    const { validated } = await go(worldOf(spec, { contract: of }), podOf(clone));
    expect(validated.allowed).toBe(true);
  });

  test('that cannot be read is refused even where none is demanded', async () => {
    const { validated } = await go(
      worldOf({ contract: { required: false } }, { contract: () => broken }),
      podOf(clone),
    );
    expect(validated.allowed).toBe(false);
  });

  test('that is missing still leaves namespace, floor and accounts', async () => {
    const spec = { contract: { required: false }, namespaces: { allow: ['x'] }, serviceAccounts: { allow: ['*-sa'] } };
    const { validated } = await go(worldOf(spec, { contract: () => ok(undefined) }), podOf(clone));
    expect(reasonsOf(validated)).toStrictEqual([
      'NAMESPACE_NOT_ALLOWED spec',
      'SERVICE_ACCOUNT_NOT_ALLOWED spec.serviceAccountName',
    ]);
  });
});

describe('a tag', () => {
  const glob = [{ glob: `${repository}@*` }];
  const everywhere = { images: glob };

  test.each<[string, object, Sent | undefined, string]>([
    ['of a Pod', {}, undefined, clone],
    ['of a template', {}, jobs, clone],
    ['of a Pod under PodsOnly', { digests: { resolve: 'PodsOnly' } }, undefined, clone],
    ['of a template under PodsOnly', { digests: { resolve: 'PodsOnly' } }, jobs, tagged],
    ['of a Pod under Never without demand', { digests: { resolve: 'Never', require: false } }, undefined, tagged],
    ['of a template under Never without demand', { digests: { resolve: 'Never', require: false } }, jobs, tagged],
    ['of a policy that is only tried out', { mode: 'warn', digests: { resolve: 'Never' } }, undefined, clone],
  ])('%s is admitted, and stored as it should be', async (_title, spec, of, image) => {
    const given = of === undefined ? podOf(tagged) : jobOf({ containers: [{ image: tagged }] });
    const { validated, object } = await go(worldOf({ ...everywhere, ...spec }), given, of);
    expect(validated.allowed).toBe(true);
    const at = of === undefined ? 'spec' : 'spec.template.spec';
    expect(object).toHaveProperty(`${at}.containers[0].image`.replace('[0]', '.0'), image);
  });

  test.each<[string, Sent | undefined]>([
    ['of a Pod', undefined],
    ['of a template, whose Pods would be', jobs],
  ])('%s is refused where digests are demanded and never resolved', async (_title, of) => {
    const given = of === undefined ? podOf(tagged) : jobOf({ containers: [{ image: tagged }] });
    const { validated, mutated } = await go(worldOf({ digests: { resolve: 'Never' } }), given, of);
    expect(mutated.patch).toBeUndefined();
    expect(reasonsOf(validated)).toStrictEqual([
      `IMAGE_NOT_PINNED spec.${of === undefined ? '' : 'template.spec.'}containers[0].image`,
    ]);
  });

  test.each<[string, Partial<World>, FailureCode]>([
    ['an image without signature', { facts: () => unsigned }, 'SIGNATURE_MISSING'],
    ['nothing', { resolve: () => fail(failure('IMAGE_NOT_FOUND', 'no tag 1')) }, 'IMAGE_NOT_FOUND'],
    ['an image without contract', { contract: () => ok(undefined) }, 'CONTRACT_MISSING'],
  ])('that is left is judged by what it names now: %s is refused', async (_title, rest, code) => {
    const world = worldOf({ digests: { resolve: 'PodsOnly' } }, rest);
    const { validated } = await go(world, jobOf({ containers: [{ image: tagged }] }), jobs);
    expect(validated).toMatchObject({ allowed: false, status: { details: { causes: [{ reason: code }] } } });
  });

  test('that is left sets nothing, since its Pods may have another contract, and conflicts are told', async () => {
    const world = worldOf({ digests: { resolve: 'PodsOnly' } });
    const open = await go(world, jobOf({ containers: [{ image: tagged }] }), jobs);
    expect(open.mutated.patch).toBeUndefined();
    const resources = { limits: { memory: '1Gi' } };
    const large = await go(world, jobOf({ containers: [{ image: tagged, resources }] }), jobs);
    expect(reasonsOf(large.validated)).toStrictEqual([
      'CONTRACT_CONFLICT spec.template.spec.containers[0].resources.limits[memory]',
    ]);
  });

  test('that is left is recorded with the digest and the contract that were judged', async () => {
    const { bench } = await go(
      worldOf({ digests: { resolve: 'PodsOnly' } }),
      jobOf({ containers: [{ image: tagged }] }),
      jobs,
    );
    expect(bench.decisions.at(-1)?.images).toMatchObject([
      { image: tagged, digest: digestFor(repository), contract: 'git-clone@v1.0.0' },
    ]);
  });

  test('goes by the strictest of several policies', async () => {
    const { object } = await go(worldOf([{ digests: { resolve: 'Never', require: false } }, {}]), podOf(tagged));
    expect(object).toHaveProperty('spec.containers.0.image', clone);
  });

  describe('that no signature depends on', () => {
    const open = [policy('all', '**', { authorities: [passes] })];
    const world = (spec: object, rest: Partial<World> = {}): World => ({
      ...worldOf({}, rest),
      policies: snapshotOf(open, 'deny', [actionPolicy({ images: glob, ...spec })]),
    });

    test('is bound nevertheless', async () => {
      const { object, validated } = await go(world({}), podOf(tagged));
      expect(validated.allowed).toBe(true);
      expect(object).toMatchObject({ spec: { containers: [{ image: clone, ...bound }] } });
    });

    test('is refused when it was not pinned, or cannot be', async () => {
      const bench = new Bench(world({}));
      expect(reasonsOf((await bench.review('validate', reviewOf(podOf(tagged)))).response)).toContain(
        'IMAGE_NOT_PINNED spec.containers[0].image',
      );
      const away = fail(failure('REGISTRY_UNREACHABLE', 'a.example does not answer', 7));
      const { validated } = await go(world({}, { resolve: () => away }), podOf(tagged));
      expect(validated).toMatchObject({ allowed: false, status: { code: 503 } });
    });

    test('is not even resolved for an image that no policy names', async () => {
      const { bench, validated } = await go(world({}), podOf('a.example/app:1'));
      expect([validated.allowed, bench.resolved]).toStrictEqual([true, []]);
    });
  });
});

describe('an ephemeral container', () => {
  const debug = { subResource: 'ephemeralcontainers', operation: 'UPDATE' };
  const running = { metadata: { name: 'app' }, spec: { containers: [{ name: 'a', image: pinned('a.example/app') }] } };
  const withDebug = (more: object = {}) => ({
    ...running,
    spec: { ...running.spec, ephemeralContainers: [{ name: 'd', image: tagged, ...more }] },
  });
  const lenient = { podSecurity: 'baseline' };

  test('is bound, and nothing else of its Pod', async () => {
    const { object, validated } = await go(worldOf(lenient), withDebug(), undefined, { ...debug, oldObject: running });
    expect(validated.allowed).toBe(true);
    const { ephemeralContainers: _added, ...rest } = (object as typeof running).spec as Record<string, unknown>;
    expect(rest).toStrictEqual(running.spec);
    expect(object).toMatchObject({ spec: { ephemeralContainers: [{ image: clone, env: bound.env }] } });
    expect(object).not.toHaveProperty('spec.ephemeralContainers.0.resources');
    expect(object).toHaveProperty('metadata', running.metadata);
  });

  test('outside of its contract is refused', async () => {
    const more = { securityContext: { privileged: true } };
    const { validated } = await go(worldOf(lenient), withDebug(more), undefined, { ...debug, oldObject: running });
    expect(reasonsOf(validated)).toContain('CONTRACT_CONFLICT spec.ephemeralContainers[0].securityContext.privileged');
  });
});

describe('an update', () => {
  const update = (oldObject: unknown) => ({ operation: 'UPDATE', oldObject });

  test('that brings an action into a Pod that runs is refused where the Pod is not as the contract demands', async () => {
    const { validated, mutated } = await go(worldOf(), podOf(clone), undefined, update(podOf(pinned('a.example/app'))));
    expect(mutated.patch).toBeUndefined();
    expect(validated.status?.message).toContain('a Pod that runs cannot be given it any more; make a new Pod');
  });

  test('that brings an action into a template binds it', async () => {
    const template = (image: string) => jobOf({ containers: [{ image }] });
    const { object, validated } = await go(
      worldOf(),
      template(clone),
      deployments,
      update(template(pinned('a.example/app'))),
    );
    expect(validated.allowed).toBe(true);
    expect(object).toMatchObject({ spec: { template: { spec: { containers: [bound] } } } });
  });

  test('without another image is not judged again', async () => {
    const { bench, validated } = await go(worldOf(), podOf(clone), undefined, update(podOf(clone)));
    expect(validated.allowed).toBe(true);
    expect(bench.decisions.map(({ skipped }) => skipped)).toStrictEqual(['images-unchanged', 'images-unchanged']);
  });
});

describe('a resize', () => {
  const away = fail(failure('REGISTRY_UNREACHABLE', 'a.example does not answer', 7));

  async function resized(limits: object, spec: object = {}, rest: Partial<World> = {}, image = clone) {
    const { object } = await go(worldOf(), podOf(clone));
    const larger = structuredClone(object) as { spec: Record<string, unknown> };
    Object.assign(container(larger.spec), { image, resources: { ...bound.resources, limits } });
    const bench = new Bench(worldOf(spec, rest));
    const changes = { operation: 'UPDATE', subResource: 'resize', oldObject: object };
    return { bench, response: (await bench.review('validate', reviewOf(larger, undefined, changes))).response };
  }

  test('within the contract is admitted, without a look at signatures', async () => {
    const { bench, response } = await resized({ cpu: '250m', memory: '512Mi' });
    expect(response.allowed).toBe(true);
    expect(bench.asked).toStrictEqual([]);
  });

  test.each<[string, object, object]>([
    ['larger limits', { cpu: '500m', memory: '1Gi' }, {}],
    ['limits that are none', { cpu: '0', memory: '512Mi' }, {}],
    ['larger limits that nobody can override any more', { memory: '1Gi' }, { contract: { onConflict: 'Override' } }],
  ])('to %s is refused', async (_title, limits, spec) => {
    const { response } = await resized(limits, spec);
    expect(response).toMatchObject({ allowed: false, status: { code: 403 } });
    expect(reasonsOf(response)?.join()).toContain('CONTRACT_CONFLICT spec.containers[0].resources.limits');
  });

  test('is held to nothing else, so that a Pod from before can still shrink', async () => {
    const { response } = await resized(
      { cpu: '1m', memory: '1Mi' },
      { namespaces: { allow: [] }, podSecurity: 'restricted' },
    );
    expect(reasonsOf(response)?.filter((reason) => !reason.includes('resources')) ?? []).toStrictEqual([]);
  });

  test('is refused when the contract cannot be had', async () => {
    expect((await resized({}, {}, { contract: () => away })).response).toMatchObject({
      allowed: false,
      status: { code: 503 },
    });
    const never = { digests: { resolve: 'Never', require: false } };
    expect((await resized({}, never, { resolve: () => away }, tagged)).response).toMatchObject({
      status: { code: 503 },
    });
  });

  test('of a Pod without actions asks nobody', async () => {
    const { bench, response } = await resized({ memory: '9Gi' }, {}, {}, 'a.example/app:1');
    expect([response.allowed, bench.resolved, bench.contracts]).toStrictEqual([true, [], []]);
  });
});

test.each<Phase>(['mutate', 'validate'])('a ReplicaSet of a Deployment is never bound (%s)', async (phase) => {
  const owned = {
    metadata: { name: 'app', ownerReferences: [{ kind: 'Deployment', controller: true }] },
    spec: { template: { spec: { containers: [{ image: clone }] } } },
  };
  const { response } = await new Bench(worldOf()).review(phase, reviewOf(owned, replicaSets));
  expect(response).toMatchObject({ allowed: true });
  expect(response.patch).toBeUndefined();
});

test('exceptions count until they expire', async () => {
  const exception = { images: [`${repository}@*`], reason: 'r', owner: 'o', expires: '2026-01-02T03:04:06Z' };
  const { mutated, validated } = await go(worldOf({ exceptions: [exception] }), podOf(clone));
  expect([mutated.patch, validated.allowed]).toStrictEqual([undefined, true]);
  const late = { ...exception, expires: '2026-01-02T03:04:05Z' };
  expect((await go(worldOf({ exceptions: [late] }), podOf(clone))).mutated.patch).toBeDefined();
});

test('two policies ask for what each of them asks for', async () => {
  const { validated } = await go(
    worldOf([{ namespaces: { allow: ['team'] } }, { namespaces: { allow: ['other'] } }]),
    podOf(clone),
  );
  expect(validated.status?.message).toContain('namespace team is not in the allowlist of p0, p1');
});

test('the patch holds nothing that is there already', async () => {
  const { object, bench } = await go(worldOf(), podOf(clone));
  const limited = structuredClone(object) as { spec: { containers: { resources?: unknown }[] } };
  delete limited.spec.containers[0]?.resources;
  const { response } = await bench.review('mutate', reviewOf(limited));
  const patch: readonly { readonly path: string }[] = JSON.parse(
    Buffer.from(response.patch ?? '', 'base64').toString(),
  );
  expect(patch.map(({ path }) => path)).toStrictEqual(['/spec/containers/0/resources']);
});

test('an image volume runs nothing and needs no contract', async () => {
  const volumes = [{ name: 'data', image: { reference: clone } }];
  const pod = {
    metadata: { name: 'app' },
    spec: { containers: [{ name: 'main', image: pinned('b.example/app') }], volumes },
  };
  const { validated, bench } = await go(worldOf({}, { contract: () => ok(undefined) }), pod);
  expect(validated).toMatchObject({ allowed: true });
  expect(bench.decisions.at(-1)?.images.map(({ image }) => image)).toContain(clone);
});

test.each<[string, object | undefined, object | undefined]>([
  ['no node selector', undefined, undefined],
  ['one about something else', { disk: 'fast' }, undefined],
  ['an architecture', { 'kubernetes.io/arch': 'arm64' }, { architecture: 'arm64' }],
  ['both', { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' }, { os: 'linux', architecture: 'amd64' }],
  ['nonsense', { 'kubernetes.io/arch': 7, 'kubernetes.io/os': '' }, undefined],
])('a contract is asked for the nodes of a Job with %s', async (_title, nodeSelector, nodes) => {
  const { bench } = await go(worldOf(), jobOf({ nodeSelector, containers: [{ name: 'main', image: clone }] }), jobs);
  expect(bench.workloads.length).toBeGreaterThan(0);
  expect(bench.workloads.map((workload) => workload.nodes)).toEqual(bench.workloads.map(() => nodes));
});

describe('an image that runs with a warning only', () => {
  const warned = [policy('everything-signed', '**', { mode: 'warn' })];
  const unprovenWorld = (spec: object): World => ({
    ...worldOf(spec),
    policies: snapshotOf(warned, 'deny', [actionPolicy({ images: [{ glob: `${repository}@*` }], ...spec }, 'p0')]),
    facts: () => unsigned,
  });
  const pod = { metadata: { name: 'app' }, spec: { containers: [{ name: 'main', image: clone }] } };

  test('has no contract, whatever it says of itself', async () => {
    const { validated, mutated } = await go(unprovenWorld({}), pod);
    expect(mutated.patch).toBeUndefined();
    expect(validated).toMatchObject({ allowed: false, status: { code: 403 } });
    expect(validated.status?.message).toMatch(/^CONTRACT_MISSING: .*only in an image whose signatures pass/);
  });

  test('is held to the policy alone where no contract is demanded', async () => {
    const world = unprovenWorld({ contract: { required: false }, namespaces: { allow: ['elsewhere'] } });
    const { validated } = await go(world, pod);
    expect(validated.status?.message).toMatch(/^NAMESPACE_NOT_ALLOWED: /);
  });

  test('gets nothing of its contract where it may run', async () => {
    const { validated, object, bench } = await go(unprovenWorld({ contract: { required: false } }), pod);
    expect(validated).toMatchObject({ allowed: true });
    expect(validated.warnings?.join()).toContain('SIGNATURE_MISSING');
    expect(JSON.stringify(object)).not.toContain('ACTION_INPUTS');
    expect(bench.decisions.at(-1)?.images[0]?.contract).toBeUndefined();
  });
});
