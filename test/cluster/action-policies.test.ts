import { readFileSync } from 'node:fs';
import { BatchV1Api, PatchStrategy, setHeaderOptions, type V1Pod } from '@kubernetes/client-node';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasCluster, hasNode } from './access.ts';
import { actionImage, actionPolicy, contractOf } from './gate/actions.ts';
import { registerPolicies, type Registered } from './gate/installation.ts';
import { refusal } from './gate/refusal.ts';
import { startGate, type Gate } from './gate/gate.ts';
import { signedImage, type PushedImage } from './gate/images.ts';
import type { ApiObject } from './gate/api.ts';
import { deployment, pod, valueAt } from './gate/workloads.ts';
import { until } from './processes.ts';

/** Nobody schedules what names this scheduler. */
const schedulerName = 'nobody';

function job(namespace: string, name: string, podSpec: object): ApiObject {
  const spec = { backoffLimit: 0, template: { spec: { restartPolicy: 'Never', ...podSpec } } };
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { namespace, name }, spec };
}

const inputs = (value: object): object => ({ env: [{ name: 'ACTION_INPUTS', value: JSON.stringify(value) }] });

describe.runIf(hasCluster)('action policies on a real API server', () => {
  let gate: Gate;
  let strict: PushedImage;
  let lenient: PushedImage;
  const policies: ApiObject[] = [];

  async function apply(policy: ApiObject): Promise<void> {
    await gate.api.apply(policy);
    policies.push(policy);
  }

  beforeAll(async () => {
    gate = await startGate();
    const { host } = gate.registry;
    const access = [{ apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'patch'] }];
    strict = actionImage(gate, 'strict/idle', contractOf('idle'));
    lenient = actionImage(gate, 'lenient/idle', contractOf('idle'));
    const restart = contractOf('restart', {
      inputs: [
        { name: 'deployment', type: 'string', required: true },
        { name: 'namespace', type: 'string', required: true },
      ],
      rbac: { permissions: access },
    });
    actionImage(gate, 'strict/restart', restart);
    actionImage(gate, 'lenient/restart', restart);
    const common = { namespaces: { allow: ['gate-*'] }, targets: { allow: ['production', 'team-*'] } };
    await apply(actionPolicy('strict', `${host}/strict/**`, common));
    await apply(actionPolicy('lenient', `${host}/lenient/**`, { ...common, contract: { onConflict: 'Override' } }));
    const account = { metadata: { name: 'restart-sa' } };
    await gate.api.core.createNamespacedServiceAccount({ namespace: gate.namespace, body: account });
    for (const { tagged } of [strict, lenient]) {
      const probe = pod(gate.namespace, 'probe', { schedulerName, containers: [{ name: 'main', image: tagged }] });
      const known = await until(async () => {
        const stored = await gate.api.create(probe, { dryRun: true });
        return valueAt(stored, 'spec.containers[0].resources.limits.memory') === '64Mi';
      }, 20_000);
      if (!known) throw new Error('the policies have no effect');
    }
  });
  afterAll(async () => {
    for (const policy of policies) await gate.api.remove(policy);
    await gate?.close();
  });

  type Act = (given: {
    readonly container?: object;
    readonly spec?: object;
    readonly annotations?: Readonly<Record<string, string>>;
  }) => ApiObject;

  const podOf =
    (repository: string): Act =>
    ({ container = {}, spec = {}, annotations = {} }) => ({
      ...pod(gate.namespace, 'table', {
        schedulerName,
        containers: [{ name: 'main', image: `${gate.registry.host}/${repository}:1.0`, ...container }],
        ...spec,
      }),
      metadata: { namespace: gate.namespace, name: 'table', annotations },
    });
  const stored = (object: ApiObject): Promise<unknown> => gate.api.create(object, { dryRun: true });

  const main = 'spec.containers[0]';
  const limits = (values: object): object => ({ container: { resources: { limits: values } } });
  const secured = (values: object): object => ({ container: { securityContext: values } });
  const token = { projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } };

  // What is written, the field that is looked at, and what the API server stores there.
  describe.each<[string, string, Parameters<Act>[0], string, unknown]>([
    ['absent limits', 'idle', {}, `${main}.resources.limits`, { cpu: '200m', memory: '64Mi' }],
    ['absent requests', 'idle', {}, `${main}.resources.requests`, { cpu: '50m', memory: '16Mi' }],
    ['smaller limits', 'idle', limits({ memory: '32Mi' }), `${main}.resources.limits`, { cpu: '200m', memory: '32Mi' }],
    ['limits below the requests', 'idle', limits({ memory: '8Mi' }), `${main}.resources.requests.memory`, '8Mi'],
    ['the same limit in other words', 'idle', limits({ cpu: '0.2' }), `${main}.resources.limits.cpu`, '200m'],
    ['absent users', 'idle', {}, `${main}.securityContext.runAsUser`, 1000],
    ['an absent root file system', 'idle', {}, `${main}.securityContext.readOnlyRootFilesystem`, true],
    ['absent capabilities', 'idle', {}, `${main}.securityContext.capabilities`, { drop: ['ALL'] }],
    ['an absent profile', 'idle', {}, `${main}.securityContext.seccompProfile`, { type: 'RuntimeDefault' }],
    ['another user', 'idle', secured({ runAsUser: 2000 }), `${main}.securityContext.runAsUser`, 2000],
    ['no permissions', 'idle', {}, 'spec.automountServiceAccountToken', false],
    ['no permissions', 'idle', {}, 'spec.volumes', undefined],
    ['no permissions', 'idle', {}, `${main}.volumeMounts`, undefined],
    [
      'permissions',
      'restart',
      { container: inputs({ deployment: 'web', namespace: 'team-a' }) },
      'spec.serviceAccountName',
      'restart-sa',
    ],
    ['absent inputs', 'idle', {}, `${main}.env[0]`, { name: 'ACTION_INPUTS', value: '{"replicas":2}' }],
    ['complete inputs', 'idle', { container: inputs({ replicas: 5 }) }, `${main}.env[0].value`, '{"replicas":5}'],
    ['absent targets', 'idle', {}, `${main}.env[1]`, { name: 'ACTION_ALLOWED_NAMESPACES', value: 'production,team-*' }],
    [
      'targets that somebody wrote',
      'idle',
      { container: { env: [{ name: 'ACTION_ALLOWED_NAMESPACES', value: '*' }] } },
      `${main}.env[0].value`,
      'production,team-*',
    ],
    [
      'an absent annotation',
      'idle',
      {},
      'metadata.annotations["countersign.dev/allowed-namespaces"]',
      'production,team-*',
    ],
    [
      'an annotation that somebody wrote',
      'idle',
      { annotations: { 'countersign.dev/contract': 'root@v1 sha256:0' } },
      'metadata.annotations["countersign.dev/contract"]',
      expect.stringMatching(/^idle@v1\.2\.0 sha256:[0-9a-f]{64}$/),
    ],
  ])('%s of %s', (_title, action, given, field, expected) => {
    test.each(['strict', 'lenient'])(`are as the contract says (${field}, %s)`, async (policy) => {
      expect(at(await stored(podOf(`${policy}/${action}`)(given)), field)).toEqual(expected);
    });
  });

  // What is written, what it is refused for, and what Override makes of it.
  describe.each<[string, Parameters<Act>[0], string, string, unknown]>([
    ['a larger limit', limits({ memory: '1Gi' }), 'CONTRACT_CONFLICT', `${main}.resources.limits[memory]`, '64Mi'],
    [
      'no limit, written as 0',
      limits({ memory: '0' }),
      'CONTRACT_CONFLICT',
      `${main}.resources.limits[memory]`,
      '64Mi',
    ],
    ['root', secured({ runAsUser: 0 }), 'CONTRACT_CONFLICT', `${main}.securityContext.runAsUser`, 1000],
    [
      'a privileged container',
      secured({ privileged: true }),
      'CONTRACT_CONFLICT',
      `${main}.securityContext.privileged`,
      false,
    ],
    [
      'a capability',
      secured({ capabilities: { add: ['NET_ADMIN'] } }),
      'CONTRACT_CONFLICT',
      `${main}.securityContext.capabilities`,
      { drop: ['ALL'] },
    ],
    [
      'a root file system that can be written',
      secured({ readOnlyRootFilesystem: false }),
      'CONTRACT_CONFLICT',
      `${main}.securityContext.readOnlyRootFilesystem`,
      true,
    ],
    [
      'a token',
      { spec: { automountServiceAccountToken: true } },
      'CONTRACT_CONFLICT',
      'spec.automountServiceAccountToken',
      false,
    ],
  ])('%s', (_title, given, code, field, overridden) => {
    test('is refused, with the field', async () => {
      const answer = await refusal(stored(podOf('strict/idle')(given)));
      expect(answer).toMatchObject({ code: 403, webhook: 'validate.countersign.dev' });
      expect(answer.sentence).toContain(`${code}: `);
      expect(answer.sentence).toContain(`: ${field}`);
    });

    test('is replaced under Override, and the API server takes it', async () => {
      const path = field.replace(/\[(\D+)\]/, '.$1');
      expect(at(await stored(podOf('lenient/idle')(given)), path)).toEqual(overridden);
    });
  });

  // What no Override helps against.
  test.each<[string, string, Parameters<Act>[0], string]>([
    [
      'a token in a volume',
      'idle',
      { spec: { volumes: [{ name: 'own', ...token }] } },
      'CONTRACT_CONFLICT: idle has no permissions',
    ],
    ['a wrong type', 'idle', { container: inputs({ replicas: 'x' }) }, 'INPUT_INVALID: replicas: '],
    ['too much', 'idle', { container: inputs({ replicas: 6 }) }, 'INPUT_INVALID: replicas: '],
    ['an unknown name', 'idle', { container: inputs({ force: true }) }, 'INPUT_INVALID: force: there is no such input'],
    ['missing inputs', 'restart', {}, 'INPUT_INVALID: deployment: is required and missing'],
    [
      'inputs from elsewhere',
      'idle',
      { container: { env: [{ name: 'ACTION_INPUTS', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] } },
      'INPUT_INVALID: ACTION_INPUTS has to be a literal value',
    ],
    [
      'a target outside of the allowlist',
      'restart',
      inputsFor('kube-system'),
      'TARGET_NOT_ALLOWED: input namespace: namespace kube-system is not in the allowlist of lenient',
    ],
  ])('%s is refused whatever the policy overrides', async (_title, action, given, sentence) => {
    const { sentence: said, webhook } = await refusal(stored(podOf(`lenient/${action}`)(given)));
    expect([webhook, said]).toEqual(['validate.countersign.dev', expect.stringContaining(sentence)]);
  });

  test('a Job whose inputs name a namespace outside of the allowlist is refused when it is created', async () => {
    const image = `${gate.registry.host}/strict/restart:1.0`;
    const object = job(gate.namespace, 'forbidden', {
      containers: [{ name: 'main', image, ...inputsFor('kube-system').container }],
    });
    const { sentence } = await refusal(gate.api.create(object));
    expect(sentence).toMatch(
      /^TARGET_NOT_ALLOWED: input namespace: namespace kube-system is not in the allowlist of strict: spec\.template\.spec\.containers\[0\]\.env\[0\]\.value /,
    );
    expect(await gate.api.read(object)).toBeUndefined();
  });

  test('an action in a namespace that the policy does not name is refused', async () => {
    const image = `${gate.registry.host}/narrow/idle:1.0`;
    actionImage(gate, 'narrow/idle', contractOf('idle'));
    await apply(actionPolicy('narrow', `${gate.registry.host}/narrow/**`, { namespaces: { allow: ['kubernaut-*'] } }));
    const object = pod(gate.namespace, 'elsewhere', { schedulerName, containers: [{ name: 'main', image }] });
    const refused = await until(async () => {
      try {
        await stored(object);
        return false;
      } catch {
        return true;
      }
    }, 20_000);
    expect(refused).toBe(true);
    expect((await refusal(stored(object))).sentence).toContain(
      `NAMESPACE_NOT_ALLOWED: namespace ${gate.namespace} is not in the allowlist of narrow`,
    );
  });

  test('what was stored may be applied again, and stays as it is', async () => {
    const object = job(gate.namespace, 'again', {
      schedulerName,
      containers: [{ name: 'main', image: strict.tagged }],
    });
    const first = await gate.api.apply(object);
    const again = await gate.api.apply(object);
    expect(valueAt(again, 'spec.template')).toEqual(valueAt(first, 'spec.template'));
    await gate.api.remove(object);
  });

  describe('a Pod that runs', () => {
    const merge = setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch);
    const made = (name: string, image: string): ApiObject =>
      pod(gate.namespace, name, { schedulerName, containers: [{ name: 'main', image }] });

    test('is not resized beyond its contract, and within it is', async () => {
      const { api, namespace } = gate;
      await api.create(made('resized', strict.tagged));
      const resize = (memory: string): Promise<unknown> => {
        const body = { spec: { containers: [{ name: 'main', resources: { limits: { memory } } }] } };
        return api.core.patchNamespacedPodResize({ name: 'resized', namespace, body }, merge);
      };
      expect(await refusal(resize('1Gi'))).toMatchObject({
        webhook: 'validate.countersign.dev',
        sentence: expect.stringContaining('CONTRACT_CONFLICT: 1Gi is more than the contract allows'),
      });
      expect(valueAt(await resize('48Mi'), 'spec.containers[0].resources.limits.memory')).toBe('48Mi');
    });

    test('gets an ephemeral container with the environment and the security context of its contract', async () => {
      const { api, namespace } = gate;
      await api.create(made('debugged', strict.tagged));
      const attach = (more: object): Promise<unknown> => {
        const body = { spec: { ephemeralContainers: [{ name: 'debug', image: strict.tagged, ...more }] } };
        return api.core.patchNamespacedPodEphemeralcontainers({ name: 'debugged', namespace, body }, merge);
      };
      expect((await refusal(attach({ securityContext: { runAsUser: 0 } }))).sentence).toContain(
        'spec.ephemeralContainers[0].securityContext.runAsUser',
      );
      expect(valueAt(await attach({}), 'spec.ephemeralContainers[0]')).toMatchObject({
        image: strict.pinned,
        env: [{ name: 'ACTION_INPUTS', value: '{"replicas":2}' }, { name: 'ACTION_ALLOWED_NAMESPACES' }],
        securityContext: { runAsUser: 1000, capabilities: { drop: ['ALL'] } },
      });
    });

    test('does not become an action that it has no limits for', async () => {
      const { api, namespace, registry, key } = gate;
      const plain = signedImage(registry, 'acme/plain', key);
      await api.create(made('changed', plain.tagged));
      const body = { spec: { containers: [{ name: 'main', image: strict.tagged }] } };
      const { sentence } = await refusal(api.core.patchNamespacedPod({ name: 'changed', namespace, body }, merge));
      expect(sentence).toContain('a Pod that runs cannot be given it any more; make a new Pod');
    });
  });

  describe('a Deployment', () => {
    test('is bound in its template, and its ReplicaSet makes bound Pods, once', async () => {
      const { api, namespace } = gate;
      const spec = { schedulerName, containers: [{ name: 'main', image: strict.tagged }] };
      const stored = await api.apply(deployment(namespace, 'rolled', 2, spec));
      const limit = 'spec.template.spec.containers[0].resources.limits.memory';
      expect(valueAt(stored, limit)).toBe('64Mi');
      const made = await until(async () => (await podsOf('rolled')).length === 2, 20_000);
      expect(made).toBe(true);
      for (const { spec: of } of await podsOf('rolled'))
        expect(of?.containers[0]?.resources?.limits?.['memory']).toBe('64Mi');
      const { items } = await api.apps.listNamespacedReplicaSet({ namespace });
      expect(items.filter((item) => item.metadata?.ownerReferences?.[0]?.name === 'rolled')).toHaveLength(1);
      await api.remove(deployment(namespace, 'rolled', 2, spec));
    });

    test('keeps its tag under PodsOnly, and only its Pods are pinned and bound', async () => {
      const { api, namespace, registry } = gate;
      const image = actionImage(gate, 'pods-only/idle', contractOf('idle'));
      await apply(actionPolicy('pods-only', `${registry.host}/pods-only/**`, { digests: { resolve: 'PodsOnly' } }));
      const spec = { schedulerName, containers: [{ name: 'main', image: image.tagged }] };
      const of = deployment(namespace, 'kept', 1, spec);
      const kept = await until(
        async () =>
          valueAt(await api.create(of, { dryRun: true }), 'spec.template.spec.containers[0].image') === image.tagged,
        20_000,
      );
      expect(kept).toBe(true);
      const stored = await api.apply(of);
      expect(valueAt(stored, 'spec.template.spec.containers[0].resources')).toEqual({});
      expect(await until(async () => (await podsOf('kept')).length === 1, 20_000)).toBe(true);
      const [made] = await podsOf('kept');
      expect(made?.spec?.containers[0]).toMatchObject({
        image: image.pinned,
        resources: { limits: { memory: '64Mi' } },
      });
      await api.remove(of);
    });

    async function podsOf(name: string) {
      const { items } = await gate.api.core.listNamespacedPod({ namespace: gate.namespace, labelSelector: 'app=test' });
      return items.filter(({ metadata }) => metadata?.name?.startsWith(`${name}-`) === true);
    }
  });

  describe.runIf(hasNode)('on a node', () => {
    const script = [
      'id -u; id -g',
      "grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status",
      // Control groups of version 2, else of version 1.
      'cd /sys/fs/cgroup',
      'cat memory.max 2>/dev/null || cat memory/memory.limit_in_bytes',
      'cut -d" " -f1 cpu.max 2>/dev/null || cat cpu/cpu.cfs_quota_us',
      'ls /var/run/secrets/kubernetes.io 2>/dev/null || echo no-token',
      'touch /written 2>/dev/null || echo read-only',
      'echo "$ACTION_INPUTS $ACTION_ALLOWED_NAMESPACES"',
    ].join('\n');

    async function ended(name: string): Promise<{ readonly made: V1Pod | undefined; readonly output: string }> {
      const { api, namespace } = gate;
      const batch = api.config.makeApiClient(BatchV1Api);
      const isDone = await until(
        async () => (await batch.readNamespacedJob({ name, namespace })).status?.succeeded === 1,
        50_000,
      );
      if (!isDone) throw new Error(`Job ${name} has not ended well`);
      const [made] = (await api.core.listNamespacedPod({ namespace, labelSelector: `job-name=${name}` })).items;
      const output = await api.core.readNamespacedPodLog({ name: made?.metadata?.name ?? '', namespace });
      return { made, output };
    }

    test('an action with permissions speaks to the API server as its own account', async () => {
      const { api, namespace } = gate;
      const rbac = { permissions: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] };
      const token = '/var/run/secrets/kubernetes.io/serviceaccount/token';
      const image = actionImage(gate, 'strict/speak', contractOf('speak', { rbac }), ['cat', token]);
      await api.core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: 'speak-sa' } } });
      await api.create(job(namespace, 'speak', { containers: [{ name: 'main', image: image.tagged }] }));
      const [, claims = ''] = (await ended('speak')).output.split('.');
      const { sub }: { readonly sub?: unknown } = JSON.parse(Buffer.from(claims, 'base64url').toString());
      expect(sub).toBe(`system:serviceaccount:${namespace}:speak-sa`);
    });

    test('a Job that says nothing runs with exactly what its contract says', async () => {
      const { api, namespace } = gate;
      const image = actionImage(gate, 'strict/report', contractOf('report'), ['sh', '-c', script]);
      await api.create(job(namespace, 'report', { containers: [{ name: 'main', image: image.tagged }] }));
      const { made, output } = await ended('report');
      expect(made?.metadata?.annotations?.['countersign.dev/contract']).toBe(`report@v1.2.0 ${image.digest}`);
      expect(made?.spec).toMatchObject({
        automountServiceAccountToken: false,
        containers: [
          {
            image: image.pinned,
            resources: { requests: { cpu: '50m', memory: '16Mi' }, limits: { cpu: '200m', memory: '64Mi' } },
            securityContext: { runAsUser: 1000, runAsGroup: 1000, capabilities: { drop: ['ALL'] } },
          },
        ],
      });
      expect(output.trim().split('\n')).toEqual([
        '1000',
        '1000',
        'CapEff:\t0000000000000000',
        'CapBnd:\t0000000000000000',
        'NoNewPrivs:\t1',
        'Seccomp:\t2',
        String(64 * 1024 * 1024),
        '20000',
        'no-token',
        'read-only',
        '{"replicas":2} production,team-*',
      ]);
    });
  });

  describe('the custom resource definition', () => {
    const write = (spec: object): Promise<unknown> =>
      gate.api.create(actionPolicy('probe', '**', spec), { dryRun: true });
    const exception = { images: ['a.example/b@*'], reason: 'r', owner: 'o', expires: '2027-01-31T00:00:00Z' };

    test('fills in the strict defaults', async () => {
      expect(valueAt(await write({}), 'spec')).toEqual({
        images: [{ glob: '**' }],
        mode: 'enforce',
        contract: { required: true, onConflict: 'Deny' },
        digests: { require: true, resolve: 'All' },
        podSecurity: 'restricted',
        serviceAccounts: { from: 'Contract' },
      });
    });

    test('takes everything that a policy can say', async () => {
      const spec = {
        mode: 'audit',
        namespaces: { allow: [] },
        targets: { allow: ['a', 'b-*'] },
        contract: { required: false, onConflict: 'Override' },
        digests: { require: false, resolve: 'PodsOnly' },
        podSecurity: 'privileged',
        serviceAccounts: { from: 'Workload', allow: ['*-sa'] },
        exceptions: [{ ...exception, namespaces: ['lab'] }],
      };
      expect(valueAt(await write(spec), 'spec')).toMatchObject(spec);
    });

    test.each<[string, object, string]>([
      ['no images', { images: [] }, 'spec.images'],
      ['an image without glob', { images: [{}] }, 'spec.images[0].glob'],
      ['another mode', { mode: 'Enforce' }, 'spec.mode'],
      ['namespaces without list', { namespaces: {} }, 'spec.namespaces.allow'],
      ['a namespace in capitals', { targets: { allow: ['Prod'] } }, 'spec.targets.allow[0]'],
      ['another conflict', { contract: { onConflict: 'Ask' } }, 'spec.contract.onConflict'],
      ['another resolution', { digests: { resolve: 'all' } }, 'spec.digests.resolve'],
      ['another level', { podSecurity: 'strict' }, 'spec.podSecurity'],
      ['another source of accounts', { serviceAccounts: { from: 'Pod' } }, 'spec.serviceAccounts.from'],
      [
        'an exception without end',
        { exceptions: [{ ...exception, expires: undefined }] },
        'spec.exceptions[0].expires',
      ],
      [
        'an exception until a day',
        { exceptions: [{ ...exception, expires: '2027-01-31' }] },
        'spec.exceptions[0].expires',
      ],
      [
        'an exception for no namespace',
        { exceptions: [{ ...exception, namespaces: [] }] },
        'spec.exceptions[0].namespaces',
      ],
      ['an exception that says nothing', { exceptions: [{ ...exception, reason: '  ' }] }, 'every exception says why'],
    ])('refuses %s', async (_title, spec, named) => {
      const { code, sentence } = await refusal(write(spec));
      expect(code).toBe(422);
      expect(sentence).toContain(named);
    });

    test('has a status that says whether the policy is in force, and which exceptions expired', async () => {
      const expired = { ...exception, expires: '2020-01-01T00:00:00Z' };
      const policy = actionPolicy('expired', 'a.example/**', { exceptions: [exception, expired] });
      await apply(policy);
      const isWritten = async (): Promise<boolean> =>
        valueAt(await gate.api.read(policy), 'status.conditions') !== undefined;
      expect(await until(isWritten, 20_000)).toBe(true);
      expect(valueAt(await gate.api.read(policy), 'status')).toMatchObject({
        observedGeneration: 1,
        conditions: [
          { type: 'Ready', status: 'True' },
          { type: 'Matchable', status: 'True' },
          {
            type: 'ExceptionsExpired',
            status: 'True',
            message: expect.stringContaining('1 of 2 no longer count: of o since'),
          },
        ],
      });
    });

    test('has columns for people', async () => {
      const { columnDefinitions, rows } = await tableOf(gate, '/apis/countersign.dev/v1alpha1/actionpolicies/strict');
      expect(columnDefinitions.map(({ name }) => name)).toEqual([
        'Name',
        'Mode',
        'Pod security',
        'Contract',
        'Ready',
        'Reason',
        'Images',
        'Age',
      ]);
      expect(rows[0]?.cells.slice(0, 6)).toEqual(['strict', 'enforce', 'restricted', true, 'True', 'InForce']);
    });
  });

  describe('our own webhook for policies', () => {
    let registered: Registered;
    beforeAll(async () => {
      registered = await registerPolicies(gate.api, gate.webhook.url, gate.webhook.caBundle);
    });
    afterAll(() => registered?.remove());

    test('refuses what the schema lets through, with everything that is wrong', async () => {
      // By the schema's pattern a glob may have any number of stars.
      const spec = { targets: { allow: ['*'.repeat(40)] }, exceptions: [] };
      const broken = { ...actionPolicy('broken', 'a b', spec) };
      const asked = await until(
        async () => (await refusal(gate.api.create(broken, { dryRun: true }))).webhook !== '',
        20_000,
      );
      expect(asked).toBe(true);
      const { sentence } = await refusal(gate.api.create(broken, { dryRun: true }));
      expect(sentence).toMatch(/^POLICY_INVALID: validation failed: /);
      for (const path of ['spec.images[0].glob', 'spec.targets.allow[0]']) expect(sentence).toContain(path);
    });
  });
});

function inputsFor(namespace: string): { readonly container: object } {
  return { container: inputs({ deployment: 'web', namespace }) };
}

interface Table {
  readonly columnDefinitions: readonly { readonly name: string }[];
  readonly rows: readonly { readonly cells: readonly unknown[] }[];
}

/** What `kubectl get` prints. */
async function tableOf({ api }: Gate, path: string): Promise<Table> {
  const { server, caFile = '' } = api.config.getCurrentCluster() ?? {};
  const { certFile = '', keyFile = '' } = api.config.getCurrentUser() ?? {};
  const [ca, cert, key] = [caFile, certFile, keyFile].map((file) => readFileSync(file));
  const dispatcher = new Agent({ connect: { ca, cert, key } });
  try {
    const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
    const answer = await request(`${server}${path}`, { dispatcher, headers, signal: AbortSignal.timeout(10_000) });
    // meta.k8s.io/v1 Table, as the API server says.
    return (await answer.body.json()) as Table;
  } finally {
    await dispatcher.close();
  }
}

/** Annotations have dots in their names. */
function at(object: unknown, field: string): unknown {
  const [, before, name] = /^(.*)\["(.*)"\]$/.exec(field) ?? [];
  if (before === undefined || name === undefined) return valueAt(object, field);
  const annotations = valueAt(object, before);
  return typeof annotations === 'object' && annotations !== null ? Reflect.get(annotations, name) : undefined;
}
