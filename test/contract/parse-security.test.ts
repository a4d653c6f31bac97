import { describe, expect, test } from 'vitest';
import { contractWith, problemsOf, withSpec } from './kit.ts';

describe('a security context is read as it is written', () => {
  test.each([
    [{}],
    [{ privileged: false, procMount: 'Default', readOnlyRootFilesystem: true }],
    [{ runAsUser: 0, runAsGroup: 2_147_483_647, runAsNonRoot: false }],
    [{ capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] }, allowPrivilegeEscalation: false }],
    [{ capabilities: { add: [] } }],
    [{ appArmorProfile: { type: 'Localhost', localhostProfile: 'a'.repeat(4095) } }],
    [{ seccompProfile: { type: 'RuntimeDefault' }, appArmorProfile: { type: 'Unconfined' } }],
    [{ seccompProfile: { type: 'Localhost', localhostProfile: 'profiles/audit.json' } }],
    [{ seLinuxOptions: { level: 's0:c1,c2', role: 'r', type: 't', user: 'u' } }],
    [{ privileged: true, allowPrivilegeEscalation: true, procMount: 'Unmasked' }],
  ])('%j', (securityContext) => {
    expect(contractWith({ securityContext }).securityContext).toEqual(securityContext);
  });
});

describe('a security context is refused with', () => {
  const at = 'spec.securityContext';
  test.each([
    ['a text for a flag', { privileged: 'false' }, `${at}.privileged\nexpected true or false`],
    ['a number for a flag', { runAsNonRoot: 1 }, `${at}.runAsNonRoot`],
    ['a text for a user', { runAsUser: '1000' }, `${at}.runAsUser\nexpected an integer from 0 to 2147483647`],
    ['a negative user', { runAsUser: -1 }, `${at}.runAsUser`],
    ['half a group', { runAsGroup: 0.5 }, `${at}.runAsGroup`],
    ['a group beyond 31 bits', { runAsGroup: 2 ** 31 }, `${at}.runAsGroup`],
    ['an unknown procMount', { procMount: 'default' }, `${at}.procMount\nexpected Default, Unmasked`],
    ['capabilities as a list', { capabilities: ['ALL'] }, `${at}.capabilities\nexpected an object`],
    [
      'a lower-case capability',
      { capabilities: { drop: ['all'] } },
      `${at}.capabilities.drop[0]\nexpected ALL or a name`,
    ],
    ['a prefixed capability', { capabilities: { add: ['CAP_SYS_ADMIN'] } }, `${at}.capabilities.add[0]`],
    ['a capability of nothing', { capabilities: { add: [''] } }, `${at}.capabilities.add[0]`],
    ['an unknown member of capabilities', { capabilities: { keep: [] } }, `unknown field(s): ${at}.capabilities.keep`],
    ['a profile without type', { seccompProfile: {} }, `missing field(s): ${at}.seccompProfile.type`],
    [
      'a profile of unknown type',
      { seccompProfile: { type: 'Default' } },
      `${at}.seccompProfile.type\nexpected Runtime`,
    ],
    [
      'a local profile without file',
      { seccompProfile: { type: 'Localhost' } },
      `${at}.seccompProfile.localhostProfile`,
    ],
    [
      'a file of another profile',
      { appArmorProfile: { type: 'RuntimeDefault', localhostProfile: 'x' } },
      `must not set the field(s): ${at}.appArmorProfile.localhostProfile`,
    ],
    ['an absolute file', { seccompProfile: { type: 'Localhost', localhostProfile: '/x' } }, 'expected a relative path'],
    ['a file above', { seccompProfile: { type: 'Localhost', localhostProfile: 'a/../../x' } }, 'without ".."'],
    ['a file of no name', { appArmorProfile: { type: 'Localhost', localhostProfile: '' } }, 'expected a relative path'],
    [
      'a file with space',
      { appArmorProfile: { type: 'Localhost', localhostProfile: ' x' } },
      'expected a relative path',
    ],
    [
      'an unknown member of SELinux',
      { seLinuxOptions: { range: 's0' } },
      `unknown field(s): ${at}.seLinuxOptions.range`,
    ],
    ['Windows options', { windowsOptions: { runAsUserName: 'x' } }, `unknown field(s): ${at}.windowsOptions`],
    ['a member of Pods', { fsGroup: 1 }, `unknown field(s): ${at}.fsGroup`],
    ['a user that is root and not', { runAsNonRoot: true, runAsUser: 0 }, 'runAsNonRoot and user 0 exclude each other'],
    [
      'privilege without escalation',
      { privileged: true, allowPrivilegeEscalation: false },
      `leave privileged out: ${at}`,
    ],
    [
      'the strongest capability without escalation',
      { capabilities: { add: ['SYS_ADMIN'] }, allowPrivilegeEscalation: false },
      'do not add SYS_ADMIN',
    ],
  ])('%s', (_name, securityContext, expected) => {
    expect(problemsOf(withSpec({ securityContext }))).toEqual([expect.stringContaining(expected)]);
  });
});

const scale = { apiGroups: ['apps'], resources: ['deployments/scale'], verbs: ['get', 'patch'] };

describe('permissions are read', () => {
  test.each([
    ['none', [], []],
    ['one', [scale], [{ ...scale, resourceNames: [] }]],
    [
      'core, with names',
      [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'], resourceNames: ['a', 'b:c'] }],
      [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'], resourceNames: ['a', 'b:c'] }],
    ],
    [
      'everything',
      [{ apiGroups: ['*'], resources: ['*', '*/status'], verbs: ['*'] }],
      [{ apiGroups: ['*'], resources: ['*', '*/status'], verbs: ['*'], resourceNames: [] }],
    ],
  ])('%s', (_name, permissions, expected) => {
    expect(contractWith({ rbac: { permissions } }).permissions).toEqual(expected);
  });

  test('up to their limits', () => {
    const resourceNames = Array.from({ length: 1000 }, (_, n) => `n${n}`);
    const permissions = Array.from({ length: 50 }, () => scale);
    expect(contractWith({ rbac: { permissions } }).permissions).toHaveLength(50);
    expect(contractWith({ rbac: { permissions: [{ ...scale, resourceNames }] } }).permissions).toHaveLength(1);
  });

  test('as none where nothing is said', () => {
    expect(contractWith({ rbac: {} }).permissions).toEqual([]);
    expect(contractWith({ rbac: null }).permissions).toEqual([]);
  });
});

describe('permissions are refused:', () => {
  const at = 'spec.rbac.permissions[0]';
  test.each([
    ['no list', { ...scale }, 'spec.rbac.permissions\nexpected a list'],
    ['no object', ['get pods'], `${at}\nexpected an object`],
    ['no group', [{ ...scale, apiGroups: undefined }], `missing field(s): ${at}.apiGroups`],
    ['no resource', [{ ...scale, resources: [] }], `missing field(s): ${at}.resources`],
    ['no verb', [{ ...scale, verbs: null }], `missing field(s): ${at}.verbs`],
    ['one verb for a list', [{ ...scale, verbs: 'get' }], `${at}.verbs\nexpected a list`],
    ['a verb of another case', [{ ...scale, verbs: ['Get'] }], `${at}.verbs[0]\nnot valid in verbs`],
    ['a resource of two slashes', [{ ...scale, resources: ['a/b/c'] }], `${at}.resources[0]`],
    ['a group that is none', [{ ...scale, apiGroups: ['apps/v1'] }], `${at}.apiGroups[0]`],
    ['a number', [{ ...scale, resourceNames: [1] }], `${at}.resourceNames[0]`],
    ['addresses', [{ ...scale, nonResourceURLs: ['/metrics'] }], `unknown field(s): ${at}.nonResourceURLs`],
    [
      'thousands at once',
      [{ ...scale, resourceNames: Array.from({ length: 1001 }, (_, n) => `n${n}`) }],
      'more than 2000 combinations',
    ],
    ['very many', Array.from({ length: 51 }, () => scale), 'more than 50 items: spec.rbac.permissions'],
  ])('%s', (_name, permissions, expected) => {
    expect(problemsOf(withSpec({ rbac: { permissions } })).join('\n')).toContain(expected);
  });

  test('an unknown member of rbac', () => {
    expect(problemsOf(withSpec({ rbac: { clusterWide: true } }))).toEqual(['unknown field(s): spec.rbac.clusterWide']);
  });
});
