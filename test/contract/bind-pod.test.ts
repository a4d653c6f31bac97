import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bindPod, type Binding, type PodToBind } from '../../src/contract/bind-pod.ts';
import type { ActionContract } from '../../src/contract/model.ts';
import { digestOf } from '../../src/kernel/digest.ts';
import { difference } from '../../src/kernel/json-patch.ts';
import { actionRules } from '../../src/policy/action-rules.ts';
import { actionPolicy } from '../policy/action-kit.ts';
import { pinned } from '../policy/kit.ts';
import { contractOf, contractWith, gitClone } from './kit.ts';

const digest = digestOf('an image');

function rulesOf(...specs: readonly object[]) {
  const policies = specs.map((spec, index) => actionPolicy(spec, `p${index}`));
  const rules = actionRules(policies, { image: pinned('a.example/app'), namespace: 'team', now: new Date(0) });
  if (rules === undefined) throw new Error('no rules');
  return rules;
}

const contract = contractWith({ inputs: [{ name: 'replicas', type: 'integer', default: 2 }] });

function bindingOf(changes: Partial<Binding> & { readonly spec?: object } = {}): Binding {
  const { spec = {}, ...rest } = changes;
  return { list: 'containers', index: 0, digest, rules: rulesOf(spec), contract, effect: 'set', ...rest };
}

/** A contract without inputs. */
const contractOfNone = (members: Readonly<Record<string, unknown>>) => contractWith({ inputs: [], ...members });

const without = (binding: Binding): Binding => {
  const { contract: _contract, ...rest } = binding;
  return rest;
};

/** Containers beside the action's need not be set for it. */
const baseline = { podSecurity: 'baseline' };

function podWith(changes: Partial<PodToBind> = {}): PodToBind {
  return {
    podSpec: { containers: [{ name: 'a' }] },
    annotations: {},
    namespace: 'team',
    containersOnly: false,
    ...changes,
  };
}

const codes = ({ conflicts }: { readonly conflicts: readonly { readonly code: string; readonly field: string }[] }) =>
  conflicts.map(({ code, field }) => `${code} ${field}`);

const bound = {
  env: [{ name: 'ACTION_INPUTS', value: '{"replicas":2}' }],
  resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '500m', memory: '512Mi' } },
};

describe('a Pod of which nothing is said', () => {
  test('gets everything from the contract', () => {
    const { podSpec, annotations, conflicts } = bindPod(podWith(), [bindingOf()]);
    expect(conflicts).toStrictEqual([]);
    expect(podSpec).toMatchObject({ automountServiceAccountToken: false, containers: [{ name: 'a', ...bound }] });
    expect(podSpec).toMatchObject({
      containers: [
        {
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 1000,
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'] },
            seccompProfile: { type: 'RuntimeDefault' },
          },
        },
      ],
    });
    expect(annotations).toStrictEqual({ 'countersign.dev/contract': `git-clone@v1.0.0 ${digest}` });
  });

  test('is not changed itself', () => {
    const given = podWith();
    const before = structuredClone(given);
    bindPod(given, [bindingOf()]);
    expect(given).toStrictEqual(before);
  });

  test('without any action stays as it is', () => {
    const given = podWith({ annotations: { 'countersign.dev/contract': 'mine' } });
    expect(bindPod(given, [])).toStrictEqual({ podSpec: given.podSpec, annotations: given.annotations, conflicts: [] });
  });
});

describe('each container', () => {
  const podSpec = {
    containers: [{ name: 'a' }, { name: 'sidecar' }],
    initContainers: [{ name: 'i' }],
    ephemeralContainers: [{ name: 'e' }],
  };

  test('that runs an action is bound, and no other', () => {
    const lists = ['containers', 'initContainers', 'ephemeralContainers'] as const;
    const result = bindPod(
      podWith({ podSpec }),
      lists.map((list) => bindingOf({ list, spec: baseline })),
    );
    expect(codes(result)).toStrictEqual([]);
    expect(result.podSpec).toMatchObject({
      containers: [bound, { name: 'sidecar' }],
      initContainers: [bound],
      ephemeralContainers: [{ env: bound.env, securityContext: { runAsUser: 1000 } }],
    });
    const { containers, ephemeralContainers } = result.podSpec;
    expect(containers).toHaveProperty('1', { name: 'sidecar' });
    // core/v1: "Resources are not allowed for ephemeral containers."
    expect(ephemeralContainers).not.toHaveProperty('0.resources');
  });

  test('that is out of contract is named', () => {
    const out = { resources: { limits: { memory: '1Gi' } }, env: [{ name: 'ACTION_INPUTS', value: '[]' }] };
    const result = bindPod(podWith({ podSpec: { initContainers: [{}, out], containers: [{}] } }), [
      bindingOf({ list: 'initContainers', index: 1, spec: baseline }),
    ]);
    expect(codes(result)).toStrictEqual([
      'INPUT_INVALID initContainers[1].env[0].value',
      'CONTRACT_CONFLICT initContainers[1].resources.limits[memory]',
    ]);
  });

  test('without contract is held to the floor, and told its targets', () => {
    const spec = { contract: { required: false }, targets: { allow: ['team-*'] } };
    const { podSpec: result, annotations } = bindPod(podWith(), [without(bindingOf({ spec }))]);
    expect(result).toMatchObject({
      containers: [
        {
          env: [{ name: 'ACTION_ALLOWED_NAMESPACES', value: 'team-*' }],
          securityContext: { allowPrivilegeEscalation: false, runAsNonRoot: true },
        },
      ],
    });
    expect(annotations).toStrictEqual({ 'countersign.dev/allowed-namespaces': 'team-*' });
  });
});

describe('the namespace of the Pod', () => {
  test.each<[string, object, ActionContract]>([
    ['a policy', { namespaces: { allow: ['production', 'tea'] } }, contract],
    ['an empty list', { namespaces: { allow: [] } }, contract],
    ['the contract', {}, contractOfNone({ namespaces: { run: ['production'] } })],
    [
      'the one of the two',
      { namespaces: { allow: ['team'] } },
      contractOfNone({ namespaces: { run: ['production'] } }),
    ],
  ])('is refused by %s', (_title, spec, of) => {
    expect(codes(bindPod(podWith(), [bindingOf({ spec, contract: of })]))).toStrictEqual(['NAMESPACE_NOT_ALLOWED ']);
  });

  test('is named, with whose list it is not in', () => {
    const run = contractOfNone({ namespaces: { run: ['production'] } });
    const messageOf = (binding: Binding) => bindPod(podWith(), [binding]).conflicts.map(({ message }) => message);
    expect(messageOf(bindingOf({ spec: { namespaces: { allow: ['x'] } } }))).toStrictEqual([
      'namespace team is not in the allowlist of p0',
    ]);
    expect(messageOf(bindingOf({ contract: run }))).toStrictEqual([
      'namespace team is not in the allowlist of the contract of git-clone',
    ]);
  });

  test('has to be in the lists of every policy', () => {
    const both = (...lists: readonly (readonly string[])[]) =>
      bindPod(podWith(), [bindingOf({ rules: rulesOf(...lists.map((allow) => ({ namespaces: { allow } }))) })]);
    expect(codes(both(['team'], ['t*']))).toStrictEqual([]);
    expect(codes(both(['team'], ['x']))).toStrictEqual(['NAMESPACE_NOT_ALLOWED ']);
  });
});

describe('annotations', () => {
  const spoofed = {
    'countersign.dev/contract': 'admin@v9 sha256:0',
    'countersign.dev/allowed-namespaces': '*',
    'example.com/other': 'stays',
  };

  test('of ours that somebody else wrote are overwritten', () => {
    const spec = { targets: { allow: ['team-*'] } };
    expect(bindPod(podWith({ annotations: spoofed }), [bindingOf({ spec })]).annotations).toStrictEqual({
      'example.com/other': 'stays',
      'countersign.dev/contract': `git-clone@v1.0.0 ${digest}`,
      'countersign.dev/allowed-namespaces': 'team-*',
    });
  });

  test('of ours that nobody may write are taken out', () => {
    const spec = { contract: { required: false } };
    expect(bindPod(podWith({ annotations: spoofed }), [without(bindingOf({ spec }))]).annotations).toStrictEqual({
      'example.com/other': 'stays',
    });
  });

  test('name every contract once, and the targets that all allow', () => {
    const other = contractOf({
      ...gitClone,
      metadata: { name: 'other', version: '1.1.0' },
      spec: { ...gitClone.spec, inputs: [] },
    });
    const { annotations } = bindPod(podWith({ podSpec: { containers: [{}, {}, {}] } }), [
      bindingOf({ spec: { targets: { allow: ['a', 'b'] } } }),
      bindingOf({ index: 1, spec: { targets: { allow: ['a', 'b'] } } }),
      bindingOf({ index: 2, contract: other, spec: { targets: { allow: ['b', 'c'] } } }),
    ]);
    expect(annotations).toStrictEqual({
      'countersign.dev/contract': `git-clone@v1.0.0 ${digest}, other@1.1.0 ${digest}`,
      'countersign.dev/allowed-namespaces': 'b',
    });
  });

  test('of a Pod that runs stay', () => {
    const podSpec = { containers: [{}], ephemeralContainers: [{}] };
    const running = podWith({ podSpec, annotations: spoofed, containersOnly: true });
    expect(bindPod(running, [bindingOf({ list: 'ephemeralContainers' })]).annotations).toStrictEqual(spoofed);
  });
});

describe('what is only checked', () => {
  test.each(['tell', 'check'] as const)('(%s) sets nothing in the Pod', (effect) => {
    const { podSpec, conflicts, annotations } = bindPod(podWith(), [bindingOf({ effect })]);
    expect(codes({ conflicts })).toStrictEqual([]);
    expect(podSpec).toStrictEqual(podWith().podSpec);
    expect(Object.keys(annotations)).toHaveLength(effect === 'tell' ? 1 : 0);
  });

  test('is refused like everything else', () => {
    const podSpec = {
      automountServiceAccountToken: true,
      containers: [{ resources: { limits: { cpu: '9' } }, securityContext: { privileged: true } }],
    };
    const spec = { namespaces: { allow: [] } };
    const found = (effect: Binding['effect']) => codes(bindPod(podWith({ podSpec }), [bindingOf({ effect, spec })]));
    expect(found('check')).toStrictEqual(found('set'));
    expect(found('check').length).toBeGreaterThanOrEqual(4);
  });

  test('does not take the token of the API server for one that was asked for', () => {
    const volumes = [
      { name: 'kube-api-access-x', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
    ];
    const podSpec = { containers: [{}], volumes };
    expect(codes(bindPod(podWith({ podSpec }), [bindingOf({ effect: 'check' })]))).toStrictEqual([]);
  });
});

describe('where modes meet', () => {
  const permission = { apiGroups: [''], resources: ['pods'], verbs: ['get'] };
  const withAccess = contractOfNone({ rbac: { permissions: [permission] } });

  test('the stricter one settles what the Pod gets, wherever its container stands', () => {
    const warned = bindingOf({ spec: { mode: 'warn' }, contract: withAccess });
    const enforced = bindingOf({ index: 1, spec: { mode: 'enforce' } });
    const { podSpec, conflicts } = bindPod(podWith({ podSpec: { containers: [{}, {}] } }), [warned, enforced]);
    expect(podSpec).toMatchObject({ automountServiceAccountToken: false });
    expect(conflicts.map(({ field, binding }) => [field, binding.rules.mode])).toStrictEqual([
      ['serviceAccountName', 'warn'],
    ]);
  });

  test('a floor that is enforced is not lost behind a higher one that only warns', () => {
    const podSpec = { hostNetwork: true, containers: [{}, {}] };
    const { conflicts } = bindPod(podWith({ podSpec }), [
      bindingOf({ spec: { mode: 'warn', podSecurity: 'restricted' } }),
      bindingOf({ index: 1, spec: { mode: 'enforce', podSecurity: 'baseline' } }),
    ]);
    const found = conflicts.filter(({ code }) => code === 'POD_SECURITY_VIOLATION');
    expect(found.map(({ binding }) => binding.rules.mode)).toContain('enforce');
  });
});

describe('laws', () => {
  /** What the API server does to what it is sent: empty lists, maps and texts are gone. core/v1 `omitempty` */
  function stored(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(stored);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([name, member]) => [name, stored(member)] as const);
    const isEmpty = (member: unknown): boolean =>
      member === '' || (Array.isArray(member) && member.length === 0) || member === undefined || member === null;
    return Object.fromEntries(entries.filter(([, member]) => !isEmpty(member)));
  }

  const limit = fc.constantFrom('0', '64Mi', '512Mi', '1Gi', '100m', '2');
  const resources = fc.dictionary(fc.constantFrom('cpu', 'memory'), limit, { noNullPrototype: true });
  const container = fc.record(
    {
      env: fc.array(
        fc.constantFrom(
          { name: 'A', value: 'x' },
          { name: 'ACTION_INPUTS', value: '{"replicas":7}' },
          { name: 'ACTION_INPUTS', value: '{"replicas":"x"}' },
          { name: 'ACTION_ALLOWED_NAMESPACES', value: '*' },
        ),
        { maxLength: 3 },
      ),
      resources: fc.record({ limits: resources, requests: resources }),
      securityContext: fc.record(
        {
          privileged: fc.boolean(),
          runAsUser: fc.constantFrom(0, 1000, 5),
          runAsNonRoot: fc.boolean(),
          allowPrivilegeEscalation: fc.boolean(),
          readOnlyRootFilesystem: fc.boolean(),
          capabilities: fc.record(
            { add: fc.constantFrom([], ['NET_ADMIN']), drop: fc.constantFrom([], ['ALL']) },
            { requiredKeys: [] },
          ),
        },
        { requiredKeys: [], noNullPrototype: true },
      ),
    },
    { requiredKeys: [], noNullPrototype: true },
  );
  const pod = fc
    .record(
      {
        containers: fc.array(container, { minLength: 2, maxLength: 2 }),
        serviceAccountName: fc.constantFrom('default', 'admin'),
        automountServiceAccountToken: fc.boolean(),
        hostPID: fc.boolean(),
        securityContext: fc.record({ runAsUser: fc.constantFrom(0, 7) }, { requiredKeys: [] }),
      },
      { requiredKeys: ['containers'], noNullPrototype: true },
    )
    .map((podSpec) => podWith({ podSpec }));

  const spec = fc.record({
    mode: fc.constantFrom('enforce', 'warn'),
    contract: fc.record({ onConflict: fc.constantFrom('Deny', 'Override') }),
    namespaces: fc.constantFrom(null, { allow: ['team'] }, { allow: ['x'] }),
    targets: fc.constantFrom(null, { allow: [] }, { allow: ['a', 'b*'] }, { allow: ['b*'] }),
    podSecurity: fc.constantFrom('restricted', 'baseline', 'privileged'),
    serviceAccounts: fc.record({
      from: fc.constantFrom('Contract', 'Workload'),
      allow: fc.constantFrom(null, ['*-sa']),
    }),
  });
  const contracts = fc.constantFrom(
    contract,
    contractOfNone({ rbac: { permissions: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] } }),
    contractOfNone({ securityContext: {}, resources: {} }),
    contractOfNone({
      namespaces: { target: ['b*'] },
      securityContext: { capabilities: { add: [], drop: ['NET_RAW'] } },
    }),
  );
  const bindings = fc
    .tuple(fc.array(spec, { minLength: 1, maxLength: 3 }), contracts, fc.integer({ min: 0, max: 1 }))
    .map(([specs, of, index]) => ({ specs, of, index }));
  const made = (all: readonly { specs: readonly object[]; of: ActionContract; index: number }[]): readonly Binding[] =>
    all.map(({ specs, of, index }) => bindingOf({ rules: rulesOf(...specs), contract: of, index }));
  const one = bindings.map((binding) => made([binding]));

  test('bound twice is as bound once, by way of the API server too', () => {
    fc.assert(
      fc.property(pod, one, (given, all) => {
        const { podSpec, annotations, conflicts } = bindPod(given, all);
        const again = bindPod({ ...given, podSpec, annotations }, all);
        expect([again.podSpec, again.annotations]).toStrictEqual([podSpec, annotations]);
        expect(again.conflicts.map(({ message }) => message)).toStrictEqual(conflicts.map(({ message }) => message));
        fc.pre(conflicts.length === 0);
        const kept = stored(podSpec) as PodToBind['podSpec'];
        expect(difference(kept, bindPod({ ...given, podSpec: kept, annotations }, all).podSpec)).toStrictEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  test('does not depend on the order of policies', () => {
    fc.assert(
      fc.property(pod, bindings, (given, { specs, of, index }) => {
        const [a] = made([{ specs, of, index }]);
        const policies = specs.map((members, at) => actionPolicy(members, `p${at}`)).toReversed();
        const place = { image: pinned('a.example/app'), namespace: 'team', now: new Date(0) };
        const rules = actionRules(policies, place);
        if (a === undefined || rules === undefined) throw new Error('no rules');
        const [first, other] = [bindPod(given, [a]), bindPod(given, [{ ...a, rules }])];
        expect(other.podSpec).toEqual(first.podSpec);
        expect(other.annotations).toEqual(first.annotations);
        expect(codes(other)).toEqual(codes(first));
      }),
    );
  });

  // Not "refused alone is refused with others": one policy can give the service account that another demands.
  test('what some policies let through together, each of them lets through as it then is', () => {
    fc.assert(
      fc.property(pod, bindings, fc.array(spec, { maxLength: 2 }), (given, { specs, of, index }, more) => {
        const [all] = made([{ specs: [...specs, ...more], of, index }]);
        const [fewer] = made([{ specs, of, index }]);
        if (fewer === undefined || all === undefined) throw new Error('no rules');
        const { podSpec, annotations, conflicts } = bindPod(given, [all]);
        fc.pre(conflicts.length === 0);
        expect(codes(bindPod({ ...given, podSpec, annotations }, [fewer]))).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });
});
