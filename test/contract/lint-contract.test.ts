import { expect, test } from 'vitest';
import { lintContract } from '../../src/contract/lint-contract.ts';
import { contractWith } from './kit.ts';

const core = { apiGroups: [''], resources: ['pods'], verbs: ['get'] };

test.each([
  ['the example', {}],
  ['a permission that is needed', { rbac: { permissions: [core] } }],
  ['one secret', { rbac: { permissions: [{ ...core, resources: ['secrets'], resourceNames: ['a'] }] } }],
  ['a port below 1024', { securityContext: { capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] } } }],
  ['an anchored pattern', { inputs: [{ name: 'a', type: 'string', pattern: '(?i)^a|b$' }] }],
  ['another anchored pattern', { inputs: [{ name: 'a', type: 'string', pattern: '\\Aa\\z' }] }],
])('says nothing about %s', (_name, members) => {
  expect(lintContract(contractWith(members))).toEqual([]);
});

test.each([
  [
    'no limits',
    { resources: {} },
    ['spec.resources.limits: no limit for cpu', 'spec.resources.limits: no limit for memory'],
  ],
  [
    'root',
    { securityContext: { runAsUser: 0 } },
    ['spec.securityContext.runAsUser: refused where the floor is restricted'],
  ],
  [
    'looseness',
    {
      securityContext: {
        privileged: true,
        allowPrivilegeEscalation: true,
        procMount: 'Unmasked',
        seccompProfile: { type: 'Unconfined' },
        appArmorProfile: { type: 'Unconfined' },
        capabilities: { add: ['NET_ADMIN'] },
      },
    },
    ['privileged', 'allowPrivilegeEscalation', 'procMount', 'seccompProfile', 'appArmorProfile', 'capabilities.add'],
  ],
  [
    'stars',
    { rbac: { permissions: [core, { ...core, verbs: ['*'], resources: ['*'] }] } },
    ['permissions[1]: "*" allows'],
  ],
  ['impersonation', { rbac: { permissions: [{ ...core, verbs: ['impersonate'] }] } }, ['"impersonate" allows more']],
  ['all secrets', { rbac: { permissions: [{ ...core, resources: ['secrets'] }] } }, ['all secrets of a namespace']],
  [
    'an empty list',
    { namespaces: { run: [], target: [] } },
    ['spec.namespaces.run: an empty', 'spec.namespaces.target: an'],
  ],
  [
    'a loose pattern',
    { inputs: [{ name: 'a', type: 'string', pattern: '[a-z]+' }] },
    ['spec.inputs.a.pattern: matches anyw'],
  ],
])('warns of %s', (_name, members, expected) => {
  const warnings = lintContract(contractWith(members));
  expect(warnings).toEqual(expected.map((text) => expect.stringContaining(text) as string));
});
