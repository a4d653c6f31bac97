import { mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readPolicies, watchPolicies } from '../../../src/adapters/policies/directory.ts';
import type { WatchedPolicies } from '../../../src/adapters/policies/watched-policies.ts';
import { publicTrustRoot } from '../../../src/policy/model.ts';
import { embeddedRoot, publicKey, silentLog } from '../../contracts/policies.ts';
import { untilHolds } from '../../until-holds.ts';

let folder: string;
let watched: WatchedPolicies | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'policies-'));
});
afterEach(async () => {
  watched?.close();
  watched = undefined;
  await rm(folder, { recursive: true });
});

const common = { noMatch: 'deny', publicTrustRoot: embeddedRoot, log: silentLog } as const;

function policyText(name: string, glob = `${name}.io/**`): string {
  return `
apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata: { name: ${name} }
spec:
  images: [{ glob: '${glob}' }]
  authorities: [{ static: { action: pass } }]
`;
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(join(folder, path, '..'), { recursive: true });
  await writeFile(join(folder, path), text);
}

async function names(...paths: readonly string[]): Promise<unknown> {
  const read = await readPolicies({ ...common, paths: paths.length > 0 ? paths : [folder] });
  return read.ok ? read.value.policies.map(({ name }) => name) : read.failure.map(({ message }) => message);
}

test('reads folders below, several documents, JSON, and nothing else', async () => {
  await write('one.yaml', `${policyText('a')}---${policyText('b')}`);
  await write('deep/er/two.yml', policyText('c'));
  await write(
    'three.json',
    JSON.stringify({ kind: 'List', items: [] }).replace('[]', `[${JSON.stringify(parsed('d'))}]`),
  );
  await write('README.md', 'not a policy');
  await write('.hidden.yaml', 'not: a policy');
  expect(await names()).toEqual(['a', 'b', 'c', 'd']);
});

function parsed(name: string): unknown {
  const spec = { images: [{ glob: '**' }], authorities: [{ static: { action: 'pass' } }] };
  return { apiVersion: 'policy.sigstore.dev/v1alpha1', kind: 'ClusterImagePolicy', metadata: { name }, spec };
}

test('reads a file whatever its name, and one that is named twice only once', async () => {
  await write('policy.txt', policyText('a'));
  await write('sub/b.yaml', policyText('b'));
  expect(await names(join(folder, 'policy.txt'), folder, join(folder, 'sub', 'b.yaml'))).toEqual(['a', 'b']);
});

test('reads a mounted ConfigMap once, through its links', async () => {
  await write('..2026/a.yaml', policyText('a'));
  await symlink('..2026', join(folder, '..data'));
  await symlink('..data/a.yaml', join(folder, 'a.yaml'));
  expect(await names()).toEqual(['a']);
});

test('takes the keys of Secrets beside the policies', async () => {
  const secretRef = policyText('a').replace('static: { action: pass }', 'key: { secretRef: { name: signer } }');
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'signer' },
    stringData: { 'cosign.pub': publicKey() },
  };
  await write('a.yaml', secretRef);
  await write('signer.json', JSON.stringify(secret));
  const read = await readPolicies({ ...common, paths: [folder] });
  expect(read.ok ? read.value.policies[0]?.notReady : read.failure).toEqual([]);
});

test('a trusted_root.json is a TrustRoot by the name of its file', async () => {
  const root = {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [],
    certificateAuthorities: [],
  };
  await write('staging.json', JSON.stringify(root));
  const read = await readPolicies({ ...common, paths: [folder] });
  expect(read.ok && read.value.trustRoots.get('staging')).toMatchObject({ name: 'staging', notReady: [] });
});

test.each<[string, string, RegExp]>([
  ['not YAML', 'a: [', /./],
  ['empty', '', /there is no policy in it/],
  ['another kind', 'kind: Deployment', /kind Deployment is not a policy/],
  ['an unknown field', `${policyText('a')}  unknown: 1\n`, /unknown field\(s\): spec.unknown/],
  ['too large', `# ${'x'.repeat(1024 * 1024)}`, /larger than 1048576 bytes/],
])('one-shot commands refuse to begin with a file that is %s', async (_title, text, message) => {
  await write('good.yaml', policyText('good'));
  await write('bad.yaml', text);
  expect(await names()).toEqual([expect.stringMatching(message)]);
});

test.each<[string, () => Promise<void>, string, RegExp]>([
  ['missing', () => Promise.resolve(), 'nowhere', /there is no such file or folder/],
  ['a link to nowhere', () => symlink('nowhere', join(folder, 'gone.yaml')), '.', /there is no such file or folder/],
  ['a link in a circle', () => symlink('.', join(folder, 'loop')), '.', /nested deeper|more than|ELOOP|too many/i],
  ['a device', () => symlink('/dev/zero', join(folder, 'zero.yaml')), '.', /neither a file nor a folder/],
])('one-shot commands refuse a path that is %s', async (_title, prepare, path, message) => {
  await prepare();
  expect(await names(join(folder, path))).toEqual([expect.stringMatching(message)]);
});

test('refuses more files than it wants to read', async () => {
  await Promise.all(Array.from({ length: 2_001 }, (_, index) => write(`${index}.yaml`, '')));
  expect(await names()).toContainEqual(expect.stringMatching(/more than 2000 files/));
});

function watching(): readonly string[] | undefined {
  return watched?.current()?.policies.map(({ name, images }) => `${name} ${images[0]?.source ?? ''}`);
}

async function watch(settleMs = 20): Promise<void> {
  watched = await watchPolicies({ ...common, paths: [folder], settleMs, pollMs: 300 });
}

async function eventually(expected: readonly string[]): Promise<void> {
  await untilHolds(() => {
    expect(watching()).toEqual(expected);
  });
}

test('follows the swap of a mounted ConfigMap', async () => {
  await write('..1/a.yaml', policyText('a', 'old.io/**'));
  await write('..2/a.yaml', policyText('a', 'new.io/**'));
  await symlink('..1', join(folder, '..data'));
  await symlink('..data/a.yaml', join(folder, 'a.yaml'));
  await watch();
  expect(watching()).toEqual(['a old.io/**']);
  await symlink('..2', join(folder, '..data_tmp'));
  await rename(join(folder, '..data_tmp'), join(folder, '..data'));
  await eventually(['a new.io/**']);
});

test('a file that is emptied, unreadable or half written takes nothing away; one that is deleted does', async () => {
  await write('a.yaml', policyText('a'));
  await write('b.yaml', policyText('b'));
  await watch();
  const told = async (message: RegExp): Promise<void> => {
    await untilHolds(() => {
      expect(watched?.problems()[0]?.message).toMatch(message);
    });
    expect(watching()).toEqual(['a a.io/**', 'b b.io/**']);
  };
  await truncate(join(folder, 'a.yaml'));
  await told(/there is no policy in it/);
  await write('a.yaml', policyText('a').slice(0, 60));
  await told(/./);
  await rm(join(folder, 'a.yaml'));
  await eventually(['b b.io/**']);
  expect(watched?.problems()).toEqual([]);
});

test('a server begins without policies when they are broken, and has them once repaired', async () => {
  await write('a.yaml', 'a: [');
  await watch();
  expect(watched?.current()).toBeUndefined();
  expect(watched?.problems()[0]?.consequence).toMatch(/^No policy is in force/);
  await write('a.yaml', policyText('a'));
  await eventually(['a a.io/**']);
});

test('is told of changes by the poll alone', async () => {
  await write('a.yaml', policyText('a'));
  await watch(60_000);
  await write('a.yaml', policyText('a', 'new.io/**'));
  await eventually(['a new.io/**']);
  expect(watched?.problems()).toEqual([]);
});

test('a folder that disappears takes nothing away', async () => {
  await write('mounted/a.yaml', policyText('a'));
  watched = await watchPolicies({ ...common, paths: [`${folder}/mounted/`], settleMs: 20, pollMs: 50 });
  await rename(join(folder, 'mounted'), join(folder, 'elsewhere'));
  await untilHolds(() => {
    expect(watched?.problems()[0]?.message).toBe('there is no such file or folder');
  });
  expect(watching()).toEqual(['a a.io/**']);
});

test('reads nothing any more once closed', async () => {
  await write('a.yaml', policyText('a'));
  await watch();
  watched?.close();
  await write('a.yaml', policyText('a', 'new.io/**'));
  await new Promise((done) => setTimeout(done, 400));
  expect(watching()).toEqual(['a a.io/**']);
});

test('a newer public trust root is in force at once, under a new snapshot', async () => {
  await write('a.yaml', policyText('a'));
  watched = await watchPolicies({ ...common, paths: [folder] });
  const before = watched.current();
  const newer = { ...embeddedRoot, generation: 'newer' };
  watched.usePublicTrustRoot(newer);
  expect(watched.current()?.trustRoots.get(publicTrustRoot)).toBe(newer);
  expect(watched.current()?.generation).not.toBe(before?.generation);
});
