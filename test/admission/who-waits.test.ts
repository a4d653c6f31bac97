import { expect, test } from 'vitest';
import type { AdmissionRequest, Members } from '../../src/admission/decode.ts';
import { whoWaits } from '../../src/admission/who-waits.ts';

const replicaSet = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-1', uid: 'u-1' };
const other = { apiVersion: 'example/v1', kind: 'Thing', name: 'thing', uid: 'u-2' };
const namespace = 'team';

function request(metadata: Members, more: Partial<AdmissionRequest> = {}): AdmissionRequest {
  return {
    uid: 'uid-1',
    kind: 'Pod',
    resource: { group: '', version: 'v1', resource: 'pods' },
    subResource: '',
    namespace,
    name: 'web-1-x',
    operation: 'CREATE',
    user: 'someone',
    dryRun: false,
    object: { metadata },
    oldObject: undefined,
    ...more,
  };
}

const theNamespace = { apiVersion: 'v1', kind: 'Namespace', name: 'team', namespace };

test.each<[string, AdmissionRequest, readonly object[]]>([
  [
    'the controller, not other owners',
    request({ ownerReferences: [other, { ...replicaSet, controller: true }] }),
    [{ ...replicaSet, namespace }],
  ],
  [
    'all owners when none of them is the controller',
    request({ ownerReferences: [other, replicaSet] }),
    [
      { ...other, namespace },
      { ...replicaSet, namespace },
    ],
  ],
  ['the namespace when a new object has no owner', request({}), [theNamespace]],
  [
    'the object itself when it is there already',
    request({ uid: 'u-3' }, { operation: 'UPDATE' }),
    [{ apiVersion: 'v1', kind: 'Pod', name: 'web-1-x', namespace, uid: 'u-3' }],
  ],
  [
    'a Deployment by its group',
    request(
      { uid: 'u-3' },
      { operation: 'UPDATE', kind: 'Deployment', resource: { group: 'apps', version: 'v1', resource: 'deployments' } },
    ),
    [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web-1-x', namespace, uid: 'u-3' }],
  ],
  ['nobody for a trial run', request({ ownerReferences: [replicaSet] }, { dryRun: true }), []],
  ['nobody for objects of the cluster', request({ uid: 'u-3' }, { operation: 'UPDATE', namespace: '' }), []],
  ['the namespace when owners are none', request({ ownerReferences: 'x' }), [theNamespace]],
  [
    'the namespace when owners are nonsense',
    request({ ownerReferences: [1, null, { kind: {} }, { ...other, uid: '' }] }),
    [theNamespace],
  ],
  [
    'the namespace when names are not printable',
    request({ ownerReferences: [{ ...other, name: 'a\nb' }] }),
    [theNamespace],
  ],
  [
    'the namespace when names are endless',
    request({ ownerReferences: [{ ...other, name: 'a'.repeat(300) }] }),
    [theNamespace],
  ],
  ['nobody but the namespace without metadata', request({}, { object: {} }), [theNamespace]],
])('%s', (_title, asked, expected) => {
  expect(whoWaits(asked)).toEqual(expected);
});

test('only so many owners', () => {
  const ownerReferences = Array.from({ length: 1_000 }, (_, index) => ({ ...other, uid: `u-${index}` }));
  expect(whoWaits(request({ ownerReferences }))).toHaveLength(4);
});
