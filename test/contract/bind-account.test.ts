import { describe, expect, test } from 'vitest';
import { bindAccount, type AccountDemand } from '../../src/contract/bind-account.ts';
import { actionRules } from '../../src/policy/action-rules.ts';
import { actionPolicy } from '../policy/action-kit.ts';
import { pinned } from '../policy/kit.ts';
import { contractOf, gitClone } from './kit.ts';

function rulesOf(spec: object) {
  const place = { image: pinned('a.example/app'), namespace: 'team', now: new Date(0) };
  const rules = actionRules([actionPolicy(spec)], place);
  if (rules === undefined) throw new Error('no rules');
  return rules;
}

const read = { apiGroups: [''], resources: ['pods'], verbs: ['get'] };

/** `permissions` 0: the action may do nothing at the API server. */
function demand(name: string, permissions: number, spec: object = {}): AccountDemand {
  const metadata = { name, version: '1.0.0' };
  const rbac = { permissions: Array.from({ length: permissions }, () => read) };
  return { contract: contractOf({ ...gitClone, metadata, spec: { ...gitClone.spec, rbac } }), rules: rulesOf(spec) };
}

const override = { contract: { onConflict: 'Override' } };
const clone = demand('git-clone', 0);
const restart = demand('restart', 1);

/** What the ServiceAccount admission of the API server makes of a Pod before a webhook is asked. */
const tokenVolume = {
  name: 'kube-api-access-x7k2p',
  projected: {
    defaultMode: 420,
    sources: [
      { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt' } },
    ],
  },
};
const tokenMount = {
  name: 'kube-api-access-x7k2p',
  readOnly: true,
  mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
};
const data = { name: 'data', emptyDir: {} };
const dataMount = { name: 'data', mountPath: '/data' };
const filled = {
  serviceAccount: 'default',
  serviceAccountName: 'default',
  containers: [
    { name: 'a', volumeMounts: [dataMount, tokenMount] },
    { name: 'b', volumeMounts: [tokenMount] },
  ],
  initContainers: [{ name: 'i', volumeMounts: [tokenMount] }],
  volumes: [data, tokenVolume],
};

const conflictsOf = (podSpec: object, ...demands: readonly AccountDemand[]) =>
  bindAccount({ ...podSpec }, demands).conflicts.map(
    ({ conflict: { code, field, message } }) => `${code} ${field}: ${message}`,
  );
const podOf = (podSpec: object, ...demands: readonly AccountDemand[]) => bindAccount({ ...podSpec }, demands).podSpec;

describe('an action without permissions', () => {
  test('gets no token, not even the one that the API server has put in already', () => {
    const { podSpec, conflicts } = bindAccount(filled, [clone]);
    expect(conflicts).toStrictEqual([]);
    expect(podSpec).toStrictEqual({
      ...filled,
      automountServiceAccountToken: false,
      containers: [
        { name: 'a', volumeMounts: [dataMount] },
        { name: 'b', volumeMounts: [] },
      ],
      initContainers: [{ name: 'i', volumeMounts: [] }],
      volumes: [data],
    });
  });

  test('has it written into the template that its Pods are made from', () => {
    expect(podOf({ containers: [] }, clone)).toStrictEqual({ containers: [], automountServiceAccountToken: false });
  });

  test('is refused a token that is asked for, which Override takes away', () => {
    const asks = { ...filled, automountServiceAccountToken: true };
    expect(conflictsOf(asks, clone)).toStrictEqual([
      expect.stringMatching(
        /^CONTRACT_CONFLICT automountServiceAccountToken: git-clone has no permissions .*; write false or leave it out$/,
      ),
    ]);
    expect(bindAccount(asks, [demand('git-clone', 0, override)])).toStrictEqual({
      podSpec: podOf(filled, clone),
      conflicts: [],
    });
  });

  test.each<[string, object]>([
    ['of the default audience', { serviceAccountToken: { path: 'token' } }],
    ['of another audience', { serviceAccountToken: { path: 'token', audience: 'vault' } }],
  ])('is refused a token %s in a volume of its own, and Override does not help', (_title, source) => {
    const own = { volumes: [data, { name: 'own', projected: { sources: [{ configMap: {} }, source] } }] };
    for (const by of [{}, override]) {
      expect(conflictsOf(own, demand('git-clone', 0, by))).toStrictEqual([
        expect.stringMatching(/^CONTRACT_CONFLICT volumes\[1\]: .*no service account token$/),
      ]);
    }
  });

  test('leaves other projected volumes, and other mounts at that place, alone', () => {
    const others = {
      containers: [{ volumeMounts: [{ name: 'data', mountPath: tokenMount.mountPath }] }, {}],
      volumes: [data, { name: 'kube-api-access-1', projected: { sources: [{ configMap: {} }] } }],
    };
    expect(podOf(others, clone)).toStrictEqual({ ...others, automountServiceAccountToken: false });
  });

  test('may name an account, if policies allow that account', () => {
    const allowed = demand('git-clone', 0, { serviceAccounts: { allow: ['*-sa'] } });
    expect(conflictsOf({ serviceAccountName: 'build-sa' }, allowed)).toStrictEqual([]);
    expect(conflictsOf({}, allowed)).toStrictEqual([]);
    expect(conflictsOf({ serviceAccountName: 'admin' }, allowed)).toStrictEqual([
      'SERVICE_ACCOUNT_NOT_ALLOWED serviceAccountName: service account admin is not in the allowlist of actions',
    ]);
  });
});

describe('an action with permissions', () => {
  test.each<[string, object]>([
    ['nothing', {}],
    ['nothing, in other words', { serviceAccountName: '' }],
    ['what the API server fills in', { serviceAccountName: 'default', serviceAccount: 'default' }],
    ['the same', { serviceAccountName: 'restart-sa' }],
  ])('gets its own account where the Pod names %s', (_title, podSpec) => {
    expect(podOf(podSpec, restart)).toStrictEqual({ serviceAccountName: 'restart-sa' });
    expect(conflictsOf(podSpec, restart)).toStrictEqual([]);
  });

  test.each([{ serviceAccountName: 'admin' }, { serviceAccount: 'admin' }])('is refused another one: %j', (podSpec) => {
    expect(conflictsOf(podSpec, restart)).toStrictEqual([
      'CONTRACT_CONFLICT serviceAccountName: admin is not the service account of the contract; write restart-sa or leave it out',
    ]);
    expect(bindAccount(podSpec, [demand('restart', 1, override)])).toStrictEqual({
      podSpec: { serviceAccountName: 'restart-sa' },
      conflicts: [],
    });
  });

  test('keeps the token that the API server has put in, and may do without', () => {
    expect(podOf({ ...filled, serviceAccountName: 'restart-sa' }, restart)).toMatchObject({ volumes: filled.volumes });
    expect(podOf({ automountServiceAccountToken: false }, restart)).toMatchObject({
      automountServiceAccountToken: false,
    });
  });

  test('has the account of the Pod where the policy says so', () => {
    const workload = demand('restart', 1, { serviceAccounts: { from: 'Workload' } });
    expect(bindAccount({ serviceAccountName: 'admin' }, [workload])).toStrictEqual({
      podSpec: { serviceAccountName: 'admin' },
      conflicts: [],
    });
  });

  test('is refused its own account where no policy allows that', () => {
    const narrow = demand('restart', 1, { serviceAccounts: { allow: ['build-*'] } });
    expect(conflictsOf({}, narrow)).toStrictEqual([
      'SERVICE_ACCOUNT_NOT_ALLOWED serviceAccountName: service account restart-sa is not in the allowlist of actions',
    ]);
  });
});

describe('an image without contract', () => {
  test('is held to the allowlist of accounts alone', () => {
    const none = { rules: rulesOf({ serviceAccounts: { allow: ['*-sa'] } }) };
    expect(conflictsOf({ serviceAccountName: 'build-sa' }, none)).toStrictEqual([]);
    expect(conflictsOf({}, none)).toStrictEqual([
      'SERVICE_ACCOUNT_NOT_ALLOWED serviceAccountName: service account default is not in the allowlist of actions',
    ]);
    expect(podOf({}, none)).toStrictEqual({});
  });

  test('suits every other', () => {
    const none = { rules: rulesOf({}) };
    for (const other of [clone, restart])
      for (const both of [
        [none, other],
        [other, none],
      ])
        expect(conflictsOf({}, ...both)).toStrictEqual([]);
  });
});

describe('two actions of one Pod', () => {
  test('that want the same get it', () => {
    expect(conflictsOf({}, restart, restart)).toStrictEqual([]);
    expect(conflictsOf({}, clone, demand('other', 0))).toStrictEqual([]);
  });

  test.each<[string, AccountDemand, AccountDemand, string]>([
    [
      'other accounts',
      restart,
      demand('scale', 1),
      'restart needs the service account restart-sa and scale needs the service account scale-sa',
    ],
    [
      'a token and none',
      restart,
      clone,
      'restart needs the service account restart-sa and git-clone may have no service account token',
    ],
    [
      'none and a token',
      clone,
      restart,
      'git-clone may have no service account token and restart needs the service account restart-sa',
    ],
    [
      "none and the workload's",
      clone,
      demand('scale', 1, { serviceAccounts: { from: 'Workload' } }),
      'git-clone may have no service account token and scale needs a service account token',
    ],
    [
      'other accounts under Override',
      demand('restart', 1, override),
      demand('scale', 1, override),
      'restart needs the service account restart-sa and scale needs the service account scale-sa',
    ],
  ])('that want %s are refused', (_title, first, second, message) => {
    expect(bindAccount({}, [first, second]).conflicts).toStrictEqual([
      {
        demand: second,
        conflict: {
          code: 'CONTRACT_CONFLICT',
          field: 'serviceAccountName',
          message: `${message}, and one Pod has one account; run them in Pods of their own`,
        },
      },
    ]);
  });

  test('are overridden only where the policies of both say so', () => {
    const given = { serviceAccountName: 'admin' };
    expect(conflictsOf(given, demand('restart', 1, override), demand('restart', 1)).length).toBeGreaterThan(0);
  });
});

test('bound twice is as bound once', () => {
  for (const demands of [
    [clone],
    [restart],
    [clone, restart],
    [demand('restart', 1, override)],
    [demand('x', 0, override)],
  ]) {
    for (const given of [{}, filled, { ...filled, automountServiceAccountToken: true }, { serviceAccount: 'admin' }]) {
      const once = bindAccount({ ...given }, demands);
      expect(bindAccount(once.podSpec, demands)).toStrictEqual(once);
    }
  }
});
