import { describe, expect, test } from 'vitest';
import { names } from '../../src/agents/model.ts';
import { ownerOf, taskNamedBy } from '../../src/agents/ownership.ts';

const task = { namespace: 'team', name: 'fix', uid: 'u1', createdAt: '2026-01-01T00:00:00Z' };

function pod(metadata: object, namespace = 'team') {
  const own = { name: 'fix-pod', namespace, uid: 'p', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { ...own, ...metadata } };
}

const of = (uid: string, written = 'team/fix') => ({
  annotations: { [names.taskUidAnnotation]: uid, [names.taskAnnotation]: written },
});
const label = { [names.taskLabel]: 'fix' };

describe('a Pod is', () => {
  test.each([
    ['the Task’s own, by its UID', pod(of('u1')), 'task'],
    ['its predecessor’s, by another UID', pod(of('u0')), 'predecessor'],
    ['another Task’s', pod(of('u2', 'team/other')), 'other'],
    ['of a Task of the same name elsewhere', pod({ ...of('u2', 'else/fix'), labels: label }), 'other'],
    ['its own, as the controller before us has made it', pod({ labels: label }), 'task'],
    [
      'its own in another namespace',
      pod({ labels: { ...label, [names.taskNamespaceLabel]: 'team' } }, 'agents'),
      'task',
    ],
    ['not its own in another namespace without saying so', pod({ labels: label }, 'agents'), 'other'],
    [
      'not its own when it says another namespace',
      pod({ labels: { ...label, [names.taskNamespaceLabel]: 'x' } }),
      'other',
    ],
    ['not its own when it is older', pod({ labels: label, creationTimestamp: '2025-12-31T23:59:59Z' }), 'other'],
    ['not its own when nobody knows how old it is', pod({ labels: label, creationTimestamp: undefined }), 'other'],
    ['somebody’s who has only the name', pod({}), 'other'],
  ])('%s', (_, object, owner) => {
    expect(ownerOf(object, task)).toBe(owner);
  });
});

test.each([
  ['annotation', pod(of('u1', 'one/two'), 'agents'), { namespace: 'one', name: 'two' }],
  [
    'labels',
    pod({ labels: { ...label, [names.taskNamespaceLabel]: 'one' } }, 'agents'),
    { namespace: 'one', name: 'fix' },
  ],
  ['its own namespace', pod({ labels: label }), { namespace: 'team', name: 'fix' }],
  ['nothing', pod({}), undefined],
  ['what is no name', pod(of('u1', 'a/b/c')), undefined],
])('who looks again is found by %s', (_, object, expected) => {
  expect(taskNamedBy(object)).toEqual(expected);
});
