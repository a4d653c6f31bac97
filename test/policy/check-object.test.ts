import { expect, test } from 'vitest';
import { checkPolicyObject } from '../../src/policy/check-object.ts';

function policy(spec: unknown, kind = 'ClusterImagePolicy'): unknown {
  return { apiVersion: 'policy.sigstore.dev/v1alpha1', kind, metadata: { name: 'p', uid: 'u' }, spec, status: {} };
}

const pass = { static: { action: 'pass' } };
const now = new Date('2026-06-01T00:00:00Z');

test('a good policy may be stored', () => {
  expect(checkPolicyObject(policy({ images: [{ glob: 'ghcr.io/org/app@*' }], authorities: [pass] }), now)).toEqual({
    warnings: [],
  });
});

test.each<[string, unknown, string]>([
  ['nothing demanded', policy({}), 'validation failed: missing field(s): spec.authorities, spec.images'],
  ['no spec', policy(undefined), 'validation failed: missing field(s): spec'],
  [
    'several mistakes, all told',
    policy({ images: [{ glob: '[' }], authorities: [{ static: { action: 'perhaps' } }], mode: 'loud' }),
    [
      'validation failed: invalid value: [: spec.images[0].glob\nglob is invalid: syntax error in pattern',
      'invalid value: loud: spec.mode\nunsupported mode',
      'invalid value: perhaps: spec.authorities[0].static.action\nunsupported action',
    ].join('\n'),
  ],
  [
    'a trust root of no kind',
    policy({}, 'TrustRoot'),
    'validation failed: expected exactly one, got neither: spec.remote, spec.repository, spec.sigstoreKeys',
  ],
  ['no object', undefined, 'validation failed: this is no Kubernetes object: it has no kind'],
  [
    'another kind',
    { apiVersion: 'v1', kind: 'Pod' },
    'validation failed: kind Pod is not a policy; expected one of ClusterImagePolicy (policy.sigstore.dev/v1alpha1, policy.sigstore.dev/v1beta1), TrustRoot, ActionPolicy (countersign.dev/v1alpha1), Secret, ConfigMap',
  ],
])('refuses to store: %s', (_title, object, refusal) => {
  expect(checkPolicyObject(object, now).refusal).toBe(refusal);
});

test('warns of what is probably not meant, and stores it', () => {
  const { refusal, warnings } = checkPolicyObject(
    policy({ images: [{ glob: 'ghcr.io/org/app*' }], authorities: [pass] }),
    now,
  );
  expect(refusal).toBeUndefined();
  expect(warnings).toEqual([expect.stringContaining('also matches ghcr.io/org/app-anything')]);
});

test('an action policy may be stored, with warnings', () => {
  const exception = { images: ['a.example/b@*'], reason: 'r', owner: 'o', expires: '2026-05-01T00:00:00Z' };
  const object = {
    apiVersion: 'countersign.dev/v1alpha1',
    kind: 'ActionPolicy',
    metadata: { name: 'p' },
    spec: { images: [{ glob: 'a.example/**' }], exceptions: [exception] },
  };
  expect(checkPolicyObject(object, now)).toEqual({ warnings: [expect.stringContaining('it no longer counts since')] });
  expect(
    checkPolicyObject({ ...object, spec: { ...object.spec, mode: 'x', exceptions: [{}] } }, now).refusal,
  ).toContain('missing field(s): spec.exceptions[0].expires');
});
