// TUF repositories by somebody who may write TrustRoots and wants this program to stand still, or to look elsewhere.
import { gzipSync } from 'node:zlib';
import { Key, Metadata, Root, Signature } from '@tufjs/models';
import { Role } from '@tufjs/models/dist/role.js';
import { sign } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { pathFits } from '../../../src/adapters/sigstore/delegated-paths.ts';
import { readTrustRoot } from '../../../src/adapters/sigstore/read-trust-root.ts';
import { createSigstore } from '../../verification/kit/sigstore.ts';
import { future, newSigner, serve, tarEntry, TufRepo, type Mirror } from './tuf-kit.ts';

const trusted = JSON.stringify(createSigstore().trustedRoot);
const reading = () => ({ known: new Map<string, Buffer>(), addresses: 'any' as const, timeoutMs: 2_000 });

let mirror: Mirror | undefined;
afterEach(async () => {
  await mirror?.close();
  mirror = undefined;
});

async function readArchive(root: Buffer, archive: Buffer, trustedRootTarget = 'trusted_root.json'): Promise<string> {
  const source = { kind: 'repository' as const, root, archive, targets: 'targets', trustedRootTarget };
  const read = await readTrustRoot('own', source, reading());
  return read.ok ? 'ok' : read.failure.message;
}

describe('does not stand still', () => {
  test('over a delegation whose pattern would be tried in a thousand ways', async () => {
    const repo = new TufRepo();
    const pattern = `${'*a'.repeat(12)}*b`;
    repo.publish({ delegated: { role: 'delegated', paths: [pattern], targets: {} } });
    const started = performance.now();
    expect(await readArchive(repo.initialRoot, repo.archive(), 'a'.repeat(60))).toContain('is refused');
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test('over a target whose name is a book', async () => {
    const repo = new TufRepo();
    repo.publish({ delegated: { role: 'delegated', paths: ['*'], targets: {} } });
    expect(await readArchive(repo.initialRoot, repo.archive(), 'a'.repeat(100_000))).toContain('is refused');
  });

  test('over one key under a thousand names, each of which has signed', async () => {
    const { root, archive } = repositoryOfNames(800);
    const started = performance.now();
    expect(await readArchive(root, archive)).toContain('signatures');
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

test('refuses metadata whose signatures are written twice, so that nobody counts the others', async () => {
  const repo = new TufRepo();
  const twice = repo.initialRoot.toString().replace(/^\{/, '{"signatures":[],');
  expect(await readArchive(Buffer.from(twice), repo.archive())).toContain('cannot be read as TUF metadata');
});

/** A root.json that names the same key so often, and is signed under each name. */
function repositoryOfNames(count: number): { readonly root: Buffer; readonly archive: Buffer } {
  const { key, privateKey } = newSigner();
  const ids = Array.from({ length: count }, (_, index) => index.toString(16).padStart(64, '0'));
  const { keyType, scheme, keyVal } = key;
  const keys = ids.map((keyID) => [keyID, new Key({ keyID, keyType, scheme, keyVal })] as const);
  const role = new Role({ keyIDs: ids, threshold: 1 });
  const named = ['root', 'timestamp', 'snapshot', 'targets'].map((name) => [name, role] as const);
  const make = (version: number): Buffer => {
    const content = new Root({
      version,
      specVersion: '1.0.31',
      expires: future,
      consistentSnapshot: true,
      keys: Object.fromEntries(keys),
      roles: Object.fromEntries(named),
    });
    const metadata = new Metadata(content);
    const sig = sign(null, Buffer.from('other'), privateKey).toString('hex');
    for (const keyID of ids) metadata.signatures[keyID] = new Signature({ keyID, sig });
    return Buffer.from(JSON.stringify(metadata.toJSON()));
  };
  const archive = gzipSync(Buffer.concat([tarEntry('repository/2.root.json', make(2)), Buffer.alloc(1024)]));
  return { root: make(1), archive };
}

describe('looks nowhere else than below the mirror', () => {
  test.each(['%2e%2e/%2e%2e/secret', '.%2E/secret', '%2e/x'])('for a target named %s', async (path) => {
    const repo = new TufRepo(false);
    repo.publish({ targets: { [path]: trusted } });
    mirror = await serve(repo.files);
    const source = {
      kind: 'remote' as const,
      root: repo.initialRoot,
      mirror: `${mirror.url}/a/b`,
      targets: 'targets',
      trustedRootTarget: path,
    };
    mirror.files = new Map([...repo.files].map(([name, bytes]) => [`a/b/${name}`, bytes]));
    const read = await readTrustRoot('own', source, reading());
    expect(read.ok ? 'ok' : read.failure.message).toContain('a file is named');
    expect(mirror.asked.filter((asked) => !asked.startsWith('a/b/'))).toEqual([]);
    expect(mirror.asked.filter((asked) => asked.includes('secret'))).toEqual([]);
  });
});

describe('paths of delegations', () => {
  test.each([
    ['trusted_root.json', '*', true],
    ['trusted_root.json', '*.json', true],
    ['trusted_root.json', 'trusted_root.json', true],
    ['trusted_root.json', 't?usted*json', true],
    ['a/b', 'a/*', true],
    ['a/b', '*', false],
    ['a', '*/a', false],
    ['a/b/c', 'a/*', false],
    ['ab', 'a', false],
    ['a', 'ab', false],
    ['', '*', true],
    ['a', '?', true],
    ['a', '??', false],
    ['axbxc', 'a*b*c', true],
    ['axbxcd', 'a*b*c', false],
    ['a', '{a,b}', false],
    ['a', '[a]', false],
  ])('%s by %s: %s', (path, pattern, fits) => {
    expect(pathFits(path, pattern)).toBe(fits);
  });
});
