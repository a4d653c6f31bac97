import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ApiRequest } from '../../src/adapters/kubernetes/api-request.ts';
import { sourcesOf } from '../../src/cli/migrate-cluster.ts';
import { ok } from '../../src/kernel/result.ts';
import { parsePolicyDocuments } from '../../src/policy/parse-documents.ts';
import { publicKey } from '../policy/kit.ts';
import { json, run } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'migrate-'));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
let kyverno = '';
let sigstore = '';

beforeAll(() => {
  const check = { imageReferences: ['ghcr.io/org/*'], attestors: [{ entries: [{ certificates: { cert: 'x' } }] }] };
  const rules = [{ name: 'r', verifyImages: [check] }];
  kyverno = file(
    'kyverno.yaml',
    JSON.stringify({ apiVersion: 'kyverno.io/v1', kind: 'ClusterPolicy', metadata: { name: 'k' }, spec: { rules } }),
  );
  const spec = { images: [{ glob: 'ghcr.io/org/**' }], authorities: [{ key: { data: publicKey } }] };
  sigstore = file(
    'cip.yaml',
    JSON.stringify({
      apiVersion: 'policy.sigstore.dev/v1beta1',
      kind: 'ClusterImagePolicy',
      metadata: { name: 'c' },
      spec,
    }),
  );
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('exit codes', () => {
  test('0 when all is carried over', async () => {
    expect(await run('migrate', '-f', sigstore)).toMatchObject({ code: 0 });
  });
  test('1 when something is lost', async () => {
    expect(await run('migrate', '-f', kyverno)).toMatchObject({ code: 1, err: '2 objects, 1 warnings, 1 lost\n' });
  });
  test.each<[string, () => readonly string[]]>([
    ['nothing to read', () => []],
    ['a file that is not there', () => ['-f', join(folder, 'none.yaml')]],
    ['no policies in it', () => ['-f', file('other.txt', 'kind: Pod\napiVersion: v1')]],
    ['no YAML', () => ['-f', file('bad.txt', 'a: [b')]],
    ['a kubeconfig that is not there', () => ['--kubeconfig', join(folder, 'none')]],
    ['an output that is not known', () => ['-f', sigstore, '-o', 'xml']],
  ])('2 for %s', async (_name, args) => {
    expect(await run('migrate', ...args())).toMatchObject({ code: 2, out: '' });
  });
});

test('what is printed can be read as policies, and has the notes beside', async () => {
  const { out } = await run('migrate', '-f', kyverno, '-f', sigstore);
  expect(parsePolicyDocuments(out, 'out').map(({ kind }) => kind)).toEqual(['policy', 'policy', 'config-map']);
  expect(out).toContain('# lost: ClusterPolicy k, rule r: ');
  expect(out).toContain('#   way out: put its public key into key.data');
  expect(out).toContain('#   kubectl label namespaces --all policy.sigstore.dev/include=true');
});

test('a name cannot leave its comment', async () => {
  const metadata = { name: 'x\n---\nkind: Secret' };
  const rules = [{ name: 'a\nb: c', verifyImages: [{ imageReferences: ['a.io/*'], attestors: 7 }] }];
  const evil = file(
    'evil.txt',
    JSON.stringify({ apiVersion: 'kyverno.io/v1', kind: 'ClusterPolicy', metadata, spec: { rules } }),
  );
  const { out } = await run('migrate', '-f', evil);
  expect(parsePolicyDocuments(out, 'out').map(({ kind }) => kind)).toEqual(['policy', 'config-map']);
});

test('--output json has objects and notes', async () => {
  const printed = json(await run('migrate', '-f', kyverno, '-o', 'json'));
  expect(printed).toMatchObject({
    objects: [{ kind: 'ClusterImagePolicy' }, { kind: 'ConfigMap' }],
    notes: expect.arrayContaining([
      { level: 'lost', source: 'ClusterPolicy k, rule r', message: expect.any(String), wayOut: expect.any(String) },
    ]) as unknown,
  });
});

test('a folder is read and one is written, once', async () => {
  const to = join(folder, 'out');
  expect(await run('migrate', '-f', folder, '--to', to)).toMatchObject({ code: 1 });
  expect(readdirSync(to).sort()).toEqual([
    'NOTES.txt',
    'clusterimagepolicy-c.yaml',
    'clusterimagepolicy-kyverno-k-r.yaml',
    'configmap-countersign-config.yaml',
  ]);
  expect(readFileSync(join(to, 'NOTES.txt'), 'utf8')).toContain('# lost: ');
  expect(await run('migrate', '-f', folder, '--to', to)).toMatchObject({ code: 2 });
});

describe('a cluster', () => {
  const answers: Readonly<Record<string, unknown>> = {
    '/apis/policy.sigstore.dev': { preferredVersion: { groupVersion: 'policy.sigstore.dev/v1beta1' } },
    '/apis/policy.sigstore.dev/v1beta1': {
      resources: [
        { name: 'clusterimagepolicies', kind: 'ClusterImagePolicy' },
        { name: 'clusterimagepolicies/status', kind: 'ClusterImagePolicy' },
      ],
    },
    '/apis/policy.sigstore.dev/v1beta1/clusterimagepolicies': {
      items: [{ metadata: { name: 'a' } }],
      metadata: { continue: 'n' },
    },
    '/apis/policy.sigstore.dev/v1beta1/clusterimagepolicies n': { items: [{ metadata: { name: 'b' } }], metadata: {} },
    '/api/v1/namespaces/cosign-system/configmaps': {
      items: [{ metadata: { name: 'config-policy-controller' } }, { metadata: { name: 'x' } }],
    },
    '/api/v1/namespaces/cosign-system/secrets': { items: [{ metadata: { name: 's' } }] },
  };
  const asked: string[] = [];
  const api = (forbidden?: string): Parameters<typeof sourcesOf>[0] => ({
    send: (_what: string, { path, query }: ApiRequest) => {
      asked.push(path);
      if (path === forbidden) return Promise.resolve(ok({ status: 403, body: {} }));
      const body = answers[`${path} ${query?.['continue'] ?? ''}`.trim()];
      return Promise.resolve(ok({ status: body === undefined ? 404 : 200, body }));
    },
  });

  test('is read page by page, of the kinds that it has, and Secrets are left alone', async () => {
    const read = await sourcesOf(api(), false);
    expect(read).toMatchObject({
      ok: true,
      value: [
        { value: { kind: 'ClusterImagePolicy', apiVersion: 'policy.sigstore.dev/v1beta1', metadata: { name: 'a' } } },
        { value: { metadata: { name: 'b' } } },
        { value: { kind: 'ConfigMap', metadata: { name: 'config-policy-controller' } } },
      ],
    });
    expect(asked.filter((path) => path.endsWith('/secrets'))).toEqual([]);
  });

  test('Secrets are read when they are wanted', async () => {
    const read = await sourcesOf(api(), true);
    expect(read.ok && read.value.filter(({ value }) => value['kind'] === 'Secret')).toHaveLength(1);
  });

  test('what may not be listed is an error: half of a configuration would be weaker', async () => {
    const read = await sourcesOf(api('/apis/policy.sigstore.dev/v1beta1/clusterimagepolicies'), false);
    expect(read).toMatchObject({ ok: false, failure: { code: 'CLUSTER_UNAVAILABLE' } });
  });
});
