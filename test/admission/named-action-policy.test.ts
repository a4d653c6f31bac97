/** A Pod, or the template that Pods are made from, may name an ActionPolicy that holds for all its images. */
import { describe, expect, test } from 'vitest';
import { contractWith } from '../contract/kit.ts';
import { actionPolicy } from '../policy/action-kit.ts';
import { ok } from '../../src/kernel/result.ts';
import { patched } from '../../src/kernel/json-patch.ts';
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
  type Answered,
  type Sent,
  type World,
} from './bench.ts';
import { kindsOfPods, objectWith } from './places.ts';

const repository = 'a.example/agent';
const agent = pinned(repository, '1');
const other = pinned('a.example/executor', '1');
const annotation = 'countersign.dev/action-policy';

/** Its own images are elsewhere: whatever it refuses here, it was named for. */
const elsewhere = { images: [{ glob: 'b.example/**' }], contract: { required: false } };
const restricted = actionPolicy({ ...elsewhere, podSecurity: 'restricted' }, 'agents');
const byImage = actionPolicy(
  { ...elsewhere, images: [{ glob: `${repository}@*` }], namespaces: { allow: ['other'] } },
  'by-image',
);

const world = (...actions: readonly ReturnType<typeof actionPolicy>[]): World => ({
  policies: snapshotOf([policy('everything-signed', '**')], 'deny', actions),
});

const named = (value: unknown, object: Record<string, unknown> = podOf(agent)): Record<string, unknown> => ({
  ...object,
  metadata: { name: 'app', annotations: { [annotation]: value } },
});

async function validated(of: World, object: unknown, kind?: Sent, changes: object = {}): Promise<Answered['response']> {
  return (await new Bench(of).review('validate', reviewOf(object, kind, { ...changes }))).response;
}

const secured = {
  runAsNonRoot: true,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
};

function podWith(securityContext: object, ...images: readonly string[]): Record<string, unknown> {
  const containers = images.map((image, index) => ({ name: `c${index}`, image, securityContext }));
  return { ...podOf(), spec: { containers } };
}

const securedPod = (...images: readonly string[]): Record<string, unknown> => podWith(secured, ...images);
const privilegedPod = (...images: readonly string[]): Record<string, unknown> =>
  podWith({ privileged: true }, ...images);

describe('without the annotation', () => {
  test('the policy has no say', async () => {
    expect(await validated(world(restricted), privilegedPod(agent))).toMatchObject({ allowed: true });
  });

  test.each([{}, { annotations: null }, { annotations: {} }, { annotations: { other: 'agents' } }])(
    'as in %j, neither',
    async (metadata) => {
      expect(await validated(world(restricted), { ...privilegedPod(agent), metadata })).toMatchObject({
        allowed: true,
      });
    },
  );
});

describe('the policy that is named', () => {
  test('refuses what it does not allow, in every container', async () => {
    const response = await validated(world(restricted), named('agents', privilegedPod(agent, other)));
    expect(response).toMatchObject({ allowed: false, status: { code: 403 } });
    const fields = response.status?.details.causes.map(({ field }) => field);
    expect(fields?.some((field) => field?.startsWith('spec.containers[0]'))).toBe(true);
    expect(fields?.some((field) => field?.startsWith('spec.containers[1]'))).toBe(true);
    expect(response.status?.message).toContain('POD_SECURITY_VIOLATION');
  });

  test('lets pass what it allows', async () => {
    expect(await validated(world(restricted), named('agents', securedPod(agent, other)))).toMatchObject({
      allowed: true,
    });
  });

  test('holds for init containers too', async () => {
    const pod = securedPod(agent);
    const object = named('agents', {
      ...pod,
      spec: { ...Object(pod['spec']), initContainers: [{ name: 'i', image: other }] },
    });
    const response = await validated(world(restricted), object);
    expect(response).toMatchObject({ allowed: false });
    expect(response.status?.message).toContain('spec.initContainers[0]');
  });

  test('comes on top of those that match by image', async () => {
    const response = await validated(world(restricted, byImage), named('agents', securedPod(agent)));
    expect(response).toMatchObject({ allowed: false });
    expect(response.status?.message).toContain('NAMESPACE_NOT_ALLOWED');
    expect(response.status?.message).toContain('of agents, by-image');
  });

  test('takes away nothing of what it demands by image itself', async () => {
    expect(await validated(world(byImage), named('by-image'))).toMatchObject({ allowed: false });
    expect(await validated(world(byImage), podOf(agent))).toMatchObject({ allowed: false });
  });

  test('is no way past signatures', async () => {
    const { response } = await new Bench({ ...world(restricted), facts: () => ok([]) }).review(
      'validate',
      reviewOf(named('agents', securedPod(agent))),
    );
    expect(response.status?.message).toContain('SIGNATURE_MISSING');
  });

  test('has its tags resolved although no other policy asks for a digest', async () => {
    const policies = snapshotOf([policy('all', '**', { authorities: [passes] })], 'deny', [restricted]);
    const without = new Bench({ policies });
    await without.review('mutate', reviewOf(podOf(`${repository}:1`)));
    expect(without.resolved).toEqual([]);

    const bench = new Bench({ policies });
    const object = named('agents', { ...securedPod(`${repository}:1`) });
    const { response } = await bench.review('mutate', reviewOf(object));
    const patch: unknown = JSON.parse(Buffer.from(response.patch ?? '', 'base64').toString());
    expect(patch).toMatchObject([
      { path: '/spec/containers/0/image', value: `${repository}:1@${digestFor(repository)}` },
    ]);
  });

  test('demands contracts, and lays them on the Pod', async () => {
    const demanding = actionPolicy({ ...elsewhere, contract: { required: true } }, 'agents');
    const none = await validated(world(demanding), named('agents'));
    expect(none.status?.message).toContain('CONTRACT_MISSING');

    const contract = contractWith({ inputs: [{ name: 'replicas', type: 'integer', default: 2 }] });
    const bench = new Bench({ ...world(demanding), contract: () => ok(contract) });
    const object = named('agents');
    const { response } = await bench.review('mutate', reviewOf(object));
    const bound = patched(object, JSON.parse(Buffer.from(response.patch ?? '', 'base64').toString()));
    expect(bound).toMatchObject({ spec: { containers: [{ env: [{ name: 'ACTION_INPUTS' }] }] } });
    expect((await bench.review('validate', reviewOf(bound))).response).toMatchObject({ allowed: true });
  });

  test('that only watches or warns refuses nothing', async () => {
    const warning = actionPolicy({ ...elsewhere, podSecurity: 'restricted', mode: 'warn' }, 'agents');
    const response = await validated(world(warning), named('agents', privilegedPod(agent)));
    expect(response).toMatchObject({ allowed: true });
    expect(response.warnings?.join()).toContain('POD_SECURITY_VIOLATION');
  });

  test('holds when a container is added to a Pod that runs', async () => {
    const before = named('agents', securedPod(agent));
    const after = {
      ...before,
      spec: { ...Object(before['spec']), ephemeralContainers: [{ name: 'e', image: other }] },
    };
    const changes = { operation: 'UPDATE', subResource: 'ephemeralcontainers', oldObject: before };
    const response = await validated(world(restricted), after, undefined, changes);
    expect(response).toMatchObject({ allowed: false });
    expect(response.status?.message).toContain('spec.ephemeralContainers[0]');
  });
});

describe('at the template', () => {
  // `spec.containers[0].image` of a Pod, `spec.template.spec.containers[0].image` of a Job.
  test.each(kindsOfPods)(
    'of $kind',
    async ({ group, versions: [version = ''], resource, kind, places: [place = ''] }) => {
      const of = { group, version, resource, kind };
      const path = place.replace('.containers[0].image', '').split('.');
      const at = [...path.slice(0, -1), 'metadata'];
      const object = objectWith({ [place]: agent, [place.replace(/image$/, 'securityContext.privileged')]: true });
      const annotated = withAt(object, at, { annotations: { [annotation]: 'agents' } });
      expect(await validated(world(restricted), object, of)).toMatchObject({ allowed: true });
      const response = await validated(world(restricted), annotated, of);
      expect(response).toMatchObject({ allowed: false });
      expect(response.status?.message).toContain('POD_SECURITY_VIOLATION');
      const unknown = await validated(
        world(restricted),
        withAt(object, at, { annotations: { [annotation]: 'nobody' } }),
        of,
      );
      expect(unknown.status?.message).toContain(`${[...at, 'annotations'].join('.')}[${annotation}] is "nobody"`);
    },
  );

  test('it counts, and not at the object that holds it', async () => {
    const deployment = { metadata: { annotations: { [annotation]: 'agents' } }, spec: { template: podOf(agent) } };
    expect(await validated(world(restricted), deployment, deployments)).toMatchObject({ allowed: true });
  });
});

describe('a name that stands for nothing is refused', () => {
  test.each([
    'nobody',
    '',
    'Agents',
    'agents ',
    '*',
    'a,agents',
    '__proto__',
    'constructor',
    'a'.repeat(300),
    5,
    null,
    ['agents'],
  ])('as %j', async (value) => {
    for (const phase of ['mutate', 'validate'] as const) {
      const { response } = await new Bench(world(restricted)).review(phase, reviewOf(named(value, securedPod(agent))));
      expect(response).toMatchObject({ allowed: false, status: { code: 403 } });
      expect(response.status?.message).toMatch(
        /^POLICY_NOT_READY: metadata\.annotations\[countersign\.dev\/action-policy\] is .*, and no ActionPolicy of that name is in force; apply it, name another one, or take the annotation away/,
      );
    }
  });

  test('as the name of a ClusterImagePolicy', async () => {
    expect(await validated(world(restricted), named('everything-signed'))).toMatchObject({ allowed: false });
  });

  test('also where there is no ActionPolicy at all', async () => {
    expect(await validated(world(), named('agents'))).toMatchObject({ allowed: false });
  });

  test('but not while nothing is known of policies: that passes by itself', async () => {
    const response = await validated({ policies: 'none yet' }, named('agents'));
    expect(response.status?.message).toContain('POLICIES_UNAVAILABLE');
  });

  test('and keeps nobody from changing other metadata, or deleting', async () => {
    const pod = named('nobody');
    const changes = { operation: 'UPDATE', oldObject: pod };
    expect(await validated(world(restricted), pod, undefined, changes)).toMatchObject({ allowed: true });
    const deleted = { operation: 'DELETE', oldObject: pod };
    expect(await validated(world(restricted), null, undefined, deleted)).toMatchObject({ allowed: true });
  });
});

function withAt(object: unknown, [name, ...rest]: readonly string[], value: unknown): Record<string, unknown> {
  const record: Record<string, unknown> = { ...Object(object) };
  return name === undefined
    ? record
    : { ...record, [name]: rest.length === 0 ? value : withAt(record[name], rest, value) };
}
