import { describe, expect, test } from 'vitest';
import { repositoryCheck } from '../../src/adapters/sigstore/check-repository.ts';
import { buildSnapshot } from '../../src/policy/snapshot.ts';
import { past, TufRepo } from '../adapters/sigstore/tuf-kit.ts';
import { createSigstore } from '../verification/kit/sigstore.ts';
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

describe('a policy without authorities', () => {
  const empty = storing('ClusterImagePolicy', { images: good.images });
  const under = (allowsNoAuthorities: boolean) =>
    new Bench({
      policies: { ...buildSnapshot({ policies: [], trustRoots: [], noMatch: 'deny', rules: { allowsNoAuthorities } }) },
    });

  test('is not stored', async () => {
    const { response } = await under(false).review('validate', empty);
    expect(response.status?.message).toContain('missing field(s): spec.authorities');
  });

  test('is stored where the settings say so', async () => {
    expect((await under(true).review('validate', empty)).response).toMatchObject({ allowed: true });
  });
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

describe('a TrustRoot that brings its TUF repository along', () => {
  const root = JSON.stringify(createSigstore().trustedRoot);
  const specOf = (repo: TufRepo, expires = {}): object => {
    repo.publish({ targets: { 'trusted_root.json': root }, expires });
    return { root: repo.initialRoot.toString('base64'), mirrorFS: repo.archive().toString('base64') };
  };
  const bench = (): Bench => new Bench({ ports: { trustRoots: repositoryCheck } });
  const expired = specOf(new TufRepo(), { timestamp: past });

  test('is stored when it can be used', async () => {
    const { response } = await bench().review('validate', storing('TrustRoot', { repository: specOf(new TufRepo()) }));
    expect(response).toMatchObject({ allowed: true });
  });

  test.each<[string, object, RegExp]>([
    ['has expired', expired, /refused: timestamp\.json leads to metadata that has expired/],
    [
      'is of another root',
      { ...specOf(new TufRepo()), root: new TufRepo().initialRoot.toString('base64') },
      /not signed/,
    ],
    [
      'cannot be unpacked',
      { ...expired, mirrorFS: Buffer.from('1f8b080000000000000000', 'hex').toString('base64') },
      /no gzip/,
    ],
  ])('is not stored when it %s', async (_title, repository, reason) => {
    const { response } = await bench().review('validate', storing('TrustRoot', { repository }));
    expect(response).toMatchObject({ allowed: false });
    expect(response.status?.message).toContain(
      'POLICY_INVALID: validation failed: invalid value: failed to construct a TUF client: spec.repository.mirrorFS',
    );
    expect(response.status?.message).toMatch(reason);
  });

  test('may still lose a label or a finalizer after its metadata has expired', async () => {
    const review = storing('TrustRoot', { repository: expired }, 'UPDATE');
    const { response } = await bench().review('validate', {
      ...review,
      request: { ...review.request, oldObject: review.request.object },
    });
    expect(response).toMatchObject({ allowed: true });
  });

  test('is not spoken for by a mirror that is away', async () => {
    const remote = { root: new TufRepo().initialRoot.toString('base64'), mirror: 'https://tuf.invalid' };
    const { response } = await bench().review('validate', storing('TrustRoot', { remote }));
    expect(response).toMatchObject({ allowed: true });
  });
});
