import { describe, expect, test } from 'vitest';
import { compareContracts } from '../../src/contract/compare-contracts.ts';
import type { ActionContract } from '../../src/contract/model.ts';
import { contractOf, gitClone } from './kit.ts';

const spec = {
  inputs: [
    { name: 'namespace', type: 'string', required: true },
    { name: 'count', type: 'integer', default: 1, minimum: 0, maximum: 10 },
    { name: 'mode', type: 'string', enum: ['a', 'b'] },
    { name: 'image', type: 'string', pattern: '^a', maxLength: 10 },
    { name: 'wait', type: 'duration', minimum: '1s' },
  ],
  outputs: [{ name: 'sha', type: 'string' }],
  rbac: {
    permissions: [
      { apiGroups: ['apps'], resources: ['deployments', 'deployments/scale'], verbs: ['get', 'patch'] },
      { apiGroups: [''], resources: ['secrets'], verbs: ['get'], resourceNames: ['one', 'two'] },
    ],
  },
  securityContext: {
    allowPrivilegeEscalation: false,
    capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] },
    runAsNonRoot: true,
    runAsUser: 1000,
    seccompProfile: { type: 'RuntimeDefault' },
  },
  namespaces: { run: ['kubernaut-*'], target: ['team-*', 'production'] },
};

type Members = Readonly<Record<string, unknown>>;

function version(text: string, members: Members = {}, name = 'scale'): ActionContract {
  return contractOf({ ...gitClone, metadata: { name, version: text }, spec: { ...spec, ...members } });
}

/** Inputs of which one is changed; undefined leaves it out. */
function input(name: string, members: Members | undefined): Members {
  const inputs = spec.inputs.flatMap((one) => {
    if (one.name !== name) return [one];
    return members === undefined ? [] : [{ ...one, ...members }];
  });
  return { inputs };
}

const security = (members: Members): Members => ({ securityContext: { ...spec.securityContext, ...members } });
const permissions = (...list: readonly unknown[]): Members => ({ rbac: { permissions: list } });

function broken(members: Members, from = '1.0.0', to = '1.1.0'): readonly string[] {
  return compareContracts(version(from), version(to, members)).map(({ rule, path }) => `${rule} ${path}`);
}

describe('within a major version these may change:', () => {
  test.each<[string, Members]>([
    ['nothing', {}],
    ['a description', { description: 'better' }],
    ['a new optional input', { inputs: [...spec.inputs, { name: 'more', type: 'object' }] }],
    ['the order of inputs', { inputs: spec.inputs.toReversed() }],
    ['a new output', { outputs: [...spec.outputs, { name: 'more', type: 'integer' }] }],
    ['a required input that becomes optional', input('namespace', { required: false })],
    ['a default', input('count', { default: 2 })],
    ['wider bounds', input('count', { minimum: -5, maximum: 20 })],
    ['no bounds', input('count', { minimum: null, maximum: null })],
    ['more choices', input('mode', { enum: ['c', 'b', 'a'] })],
    ['any choice', input('mode', { enum: null })],
    ['no pattern, and longer texts', input('image', { pattern: null, maxLength: 20 })],
    ['a shorter least wait', input('wait', { minimum: '500ms' })],
    ['resources', { resources: { limits: { cpu: '4', memory: '1Gi' } } }],
    ['fewer permissions', permissions({ apiGroups: ['apps'], resources: ['deployments'], verbs: ['get'] })],
    [
      'the same permissions, written otherwise',
      permissions(
        { apiGroups: ['apps'], resources: ['deployments'], verbs: ['patch', 'get'] },
        { apiGroups: ['apps'], resources: ['deployments/scale'], verbs: ['get'] },
        { apiGroups: [''], resources: ['secrets'], verbs: ['get'], resourceNames: ['two'] },
      ),
    ],
    ['no permissions', permissions()],
    ['fewer namespaces', { namespaces: { run: ['kubernaut-a*'], target: ['team-b'] } }],
    ['a stricter security context', security({ readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } })],
    ['another user that is not root', security({ runAsUser: 2000 })],
    ['another profile that confines', security({ seccompProfile: { type: 'Localhost', localhostProfile: 'a' } })],
    ['what is dropped beside ALL', security({ capabilities: { add: ['NET_BIND_SERVICE'], drop: ['NET_RAW', 'ALL'] } })],
    ['a limit that is spoken out', security({ privileged: false, procMount: 'Default' })],
    ['shell, timeout and workspace', { shell: false, timeout: '1m', workspace: 'none' }],
  ])('%s', (_name, members) => {
    expect(broken(members)).toEqual([]);
  });
});

describe('within a major version these break:', () => {
  const at = 'spec.securityContext';
  test.each<[string, Members, readonly string[]]>([
    ['an input is gone', input('mode', undefined), ['input-removed spec.inputs.mode']],
    ['an input is renamed', input('mode', { name: 'Mode' }), ['input-removed spec.inputs.mode']],
    ['an input is retyped', input('wait', { type: 'string', minimum: null }), ['input-retyped spec.inputs.wait']],
    ['an integer becomes a number', input('count', { type: 'number' }), ['input-retyped spec.inputs.count']],
    [
      'a new input is required',
      { inputs: [...spec.inputs, { name: 'more', type: 'string', required: true }] },
      ['input-required spec.inputs.more'],
    ],
    ['an optional input is required', input('mode', { required: true }), ['input-required spec.inputs.mode']],
    ['a choice is gone', input('mode', { enum: ['a', 'c'] }), ['input-narrowed spec.inputs.mode']],
    ['choices are new', input('image', { enum: ['a'] }), ['input-narrowed spec.inputs.image']],
    ['a higher minimum', input('count', { minimum: 1 }), ['input-narrowed spec.inputs.count']],
    ['a lower maximum', input('count', { maximum: 9 }), ['input-narrowed spec.inputs.count']],
    ['a longer least wait', input('wait', { minimum: '1m' }), ['input-narrowed spec.inputs.wait']],
    ['a first maximum', input('wait', { maximum: '1h' }), ['input-narrowed spec.inputs.wait']],
    ['shorter texts', input('image', { maxLength: 9 }), ['input-narrowed spec.inputs.image']],
    ['another pattern', input('image', { pattern: '^a|^b' }), ['input-narrowed spec.inputs.image']],
    ['a first pattern', input('namespace', { pattern: '.' }), ['input-narrowed spec.inputs.namespace']],
    ['an output is gone', { outputs: [] }, ['output-removed spec.outputs.sha']],
    ['an output is retyped', { outputs: [{ name: 'sha', type: 'object' }] }, ['output-retyped spec.outputs.sha']],
    [
      'another verb',
      permissions({ apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'delete'] }),
      ['permissions-loosened spec.rbac.permissions[0]'],
    ],
    [
      'another resource',
      permissions({ apiGroups: ['apps'], resources: ['deployments/status'], verbs: ['get'] }),
      ['permissions-loosened spec.rbac.permissions[0]'],
    ],
    [
      'the same resource of another group',
      permissions({ apiGroups: ['extensions'], resources: ['deployments'], verbs: ['get'] }),
      ['permissions-loosened spec.rbac.permissions[0]'],
    ],
    [
      'everything',
      permissions({ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }),
      ['permissions-loosened spec.rbac.permissions[0]'],
    ],
    [
      'another name',
      permissions({ apiGroups: [''], resources: ['secrets'], verbs: ['get'], resourceNames: ['three'] }),
      ['permissions-loosened spec.rbac.permissions[0]'],
    ],
    [
      'every name',
      permissions({ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }),
      ['permissions-loosened spec.rbac.permissions[0]'],
    ],
    [
      'it may run everywhere, and act on more',
      { namespaces: { target: ['team-*', 'production*'] } },
      ['namespaces-loosened spec.namespaces.run', 'namespaces-loosened spec.namespaces.target'],
    ],
    [
      'a target is not checked any more',
      { namespaces: { ...spec.namespaces, targetInputs: ['mode'] } },
      ['namespaces-loosened spec.namespaces.targetInputs'],
    ],
    [
      'privileged',
      security({ privileged: true, allowPrivilegeEscalation: true }),
      [`security-loosened ${at}.allowPrivilegeEscalation`, `security-loosened ${at}.privileged`],
    ],
    [
      'root',
      security({ runAsUser: 0, runAsNonRoot: false }),
      [`security-loosened ${at}.runAsNonRoot`, `security-loosened ${at}.runAsUser`],
    ],
    [
      'another capability',
      security({ capabilities: { add: ['NET_BIND_SERVICE', 'NET_ADMIN'], drop: ['ALL'] } }),
      [`security-loosened ${at}.capabilities`],
    ],
    ['less is dropped', security({ capabilities: { drop: ['NET_RAW'] } }), [`security-loosened ${at}.capabilities`]],
    ['no profile', security({ seccompProfile: null }), [`security-loosened ${at}.seccompProfile`]],
    ['unconfined', security({ appArmorProfile: { type: 'Unconfined' } }), [`security-loosened ${at}.appArmorProfile`]],
    ['unmasked', security({ procMount: 'Unmasked' }), [`security-loosened ${at}.procMount`]],
    [
      'nothing said about security',
      { securityContext: {} },
      [
        `security-loosened ${at}.allowPrivilegeEscalation`,
        `security-loosened ${at}.capabilities`,
        `security-loosened ${at}.runAsNonRoot`,
        `security-loosened ${at}.runAsUser`,
        `security-loosened ${at}.seccompProfile`,
      ],
    ],
  ])('%s', (_name, members, expected) => {
    expect(broken(members)).toEqual(expected);
  });
});

describe('versions', () => {
  const gone = input('mode', undefined);

  test('another major version may break everything', () => {
    expect(broken({ ...gone, securityContext: {}, rbac: {} }, '0.9.0', '1.0.0')).toEqual([]);
  });

  test('before 1.0 another minor version may as well', () => {
    expect(broken(gone, '0.1.0', '0.2.0')).toEqual([]);
    expect(broken(gone, '0.1.0', '0.1.1')).toEqual(['input-removed spec.inputs.mode']);
  });

  test('a change needs a higher version', () => {
    expect(broken({ description: 'x' }, '1.0.0', '1.0.0')).toEqual(['version-not-raised metadata.version']);
    expect(broken({}, '1.0.0', '1.0.0')).toEqual([]);
    expect(broken({}, 'v1.0.0', '1.0.0+build')).toEqual([]);
  });

  test('none goes back', () => {
    expect(broken({}, '1.0.0', '0.9.0')).toEqual(['version-not-raised metadata.version']);
    expect(broken({}, '1.0.0', '1.0.0-rc.1')).toEqual(['version-not-raised metadata.version']);
  });

  test('another name is another action', () => {
    expect(compareContracts(version('1.0.0'), version('1.1.0', {}, 'other'))).toEqual([
      {
        rule: 'action-renamed',
        path: 'metadata.name',
        message: 'is other, was scale: another name is another action',
      },
    ]);
  });
});

test('what a rule says', () => {
  const said = (members: Members): readonly string[] =>
    compareContracts(version('1.0.0'), version('1.1.0', members)).map(({ message }) => message);
  expect(said(security({ seccompProfile: null }))).toEqual([
    'is absent, was {"type":"RuntimeDefault"}, which is stricter',
  ]);
  expect(said(input('image', { pattern: '^b' }))[0]).toContain('has another pattern now; values that were accepted');
  expect(said(input('namespace', { pattern: '^b' }))[0]).toContain('has a pattern now');
  expect(said({ namespaces: { target: [] } })).toEqual(['is absent, which allows every namespace']);
});

test('the usual target input need not be an input', () => {
  const inputs = [{ name: 'ns', type: 'string' }];
  const after = version('1.1.0', { inputs, namespaces: { ...spec.namespaces, targetInputs: ['ns'] } });
  expect(compareContracts(version('1.0.0', { inputs }), after)).toEqual([]);
});

test('what is wider than a wildcard covers is found with its name', () => {
  const stars = (resources: readonly string[]): ActionContract =>
    version('1.0.0', permissions({ apiGroups: ['*'], resources, verbs: ['get'] }));
  const after = (resources: readonly string[]): ActionContract =>
    version('1.1.0', permissions({ apiGroups: ['apps'], resources, verbs: ['get'] }));
  expect(compareContracts(stars(['*']), after(['pods/log', 'deployments']))).toEqual([]);
  expect(compareContracts(stars(['*/scale']), after(['deployments/scale']))).toEqual([]);
  expect(compareContracts(stars(['*/scale']), after(['deployments']))).toEqual([
    {
      rule: 'permissions-loosened',
      path: 'spec.rbac.permissions[0]',
      message: 'allows "get" of deployments.apps, which was not allowed',
    },
  ]);
});
