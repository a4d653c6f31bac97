import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadKubeConfig } from '../../../src/adapters/kubernetes/kube-config.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
});
afterEach(() => rm(folder, { recursive: true }));

const cluster = { name: 'c', cluster: { server: 'https://127.0.0.1:6443' } };
const context = { name: 'x', context: { cluster: 'c', user: 'u' } };
const user = { name: 'u', user: { token: 't' } };

test('reads the cluster of the current context', async () => {
  const file = join(folder, 'config');
  const config = { clusters: [cluster], contexts: [context], users: [user], 'current-context': 'x' };
  await writeFile(file, JSON.stringify(config));
  const loaded = loadKubeConfig(file);
  expect(loaded.ok && loaded.value.getCurrentCluster()?.server).toBe('https://127.0.0.1:6443');
});

test.each<[string, string, RegExp]>([
  ['not YAML', '{', /cannot be used/],
  ['empty', '', /cannot be used|has no current context/],
  ['without a current context', JSON.stringify({ clusters: [cluster], contexts: [context], users: [user] }), /has no/],
  ['about an unknown cluster', JSON.stringify({ contexts: [context], 'current-context': 'x' }), /has no|cannot be/],
])('refuses a file that is %s', async (_title, text, message) => {
  const file = join(folder, 'config');
  await writeFile(file, text);
  expect(loadKubeConfig(file)).toMatchObject({
    ok: false,
    failure: { code: 'CLUSTER_UNAVAILABLE', message: expect.stringMatching(message) },
  });
});

test('refuses a file that is not there', () => {
  expect(loadKubeConfig(join(folder, 'none'))).toMatchObject({ ok: false });
});

test('outside of a Pod it says how to name a cluster', () => {
  expect(loadKubeConfig()).toMatchObject({ ok: false, failure: { message: expect.stringContaining('--kubeconfig') } });
});
