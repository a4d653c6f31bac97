import { expect, test } from 'vitest';
import { Bench } from './bench.ts';

function storing(kind: string, spec: unknown, operation = 'CREATE', version = 'v1alpha1') {
  const plural = kind === 'TrustRoot' ? 'trustroots' : 'clusterimagepolicies';
  const apiVersion = `policy.sigstore.dev/${version}`;
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'uid-1',
      kind: { group: 'policy.sigstore.dev', version, kind },
      resource: { group: 'policy.sigstore.dev', version, resource: plural },
      name: 'apps',
      operation,
      userInfo: { username: 'admin' },
      object: operation === 'DELETE' ? null : { apiVersion, kind, metadata: { name: 'apps' }, spec },
      oldObject: null,
    },
  };
}

const good = { images: [{ glob: 'a.example/app@*' }], authorities: [{ static: { action: 'pass' } }] };

test.each([
  ['created', 'CREATE', 'v1alpha1'],
  ['changed', 'UPDATE', 'v1beta1'],
])('a good policy may be %s, before any policies were read', async (_title, operation, version) => {
  const bench = new Bench({ policies: 'none yet' });
  const { response } = await bench.review('validate', storing('ClusterImagePolicy', good, operation, version));
  expect(response).toMatchObject({ uid: 'uid-1', allowed: true });
  expect(bench.decisions).toHaveLength(1);
});

test.each([
  ['ClusterImagePolicy', {}, /^POLICY_INVALID: validation failed: missing field\(s\): spec\.authorities, spec\.images/],
  ['ClusterImagePolicy', { ...good, mode: 'loud' }, /invalid value: loud: spec\.mode/],
  ['TrustRoot', {}, /expected exactly one, got neither: spec\.remote, spec\.repository, spec\.sigstoreKeys/],
])('a broken %s is not stored, and everything wrong is told (%#)', async (kind, spec, sentence) => {
  const bench = new Bench();
  const { response } = await bench.review('validate', storing(kind, spec, 'UPDATE'));
  expect(response).toMatchObject({ allowed: false, status: { code: 403 } });
  expect(response.status?.message).toMatch(sentence);
  expect(bench.decisions).toMatchObject([{ verdict: 'refuse', kind, name: 'apps' }]);
});

test('what is allowed but probably not meant is a warning', async () => {
  const never = { ...good, images: [{ glob: 'nginx*' }] };
  const { response } = await new Bench().review('validate', storing('ClusterImagePolicy', never));
  expect(response.allowed).toBe(true);
  expect(response.warnings?.join()).toContain('nginx*');
});

test('a policy can always be deleted', async () => {
  const { response } = await new Bench().review('validate', storing('ClusterImagePolicy', undefined, 'DELETE'));
  expect(response.allowed).toBe(true);
});
