// TrustRoots of TUF repositories in files, as commands and servers read them.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readPolicies, watchPolicies } from '../../../src/adapters/policies/directory.ts';
import { embeddedRoot, silentLog } from '../../contracts/policies.ts';
import { createSigstore } from '../../verification/kit/sigstore.ts';
import { past, serve, soon, TufRepo, type Mirror, type Publication } from './tuf-kit.ts';

const trusted = JSON.stringify(createSigstore().trustedRoot);
const common = { noMatch: 'deny', publicTrustRoot: embeddedRoot, log: silentLog } as const;

let folder: string;
let repo: TufRepo;
let mirror: Mirror;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roots-'));
  repo = new TufRepo();
  mirror = await serve(repo.files);
});
afterEach(async () => {
  await mirror.close();
  await rm(folder, { recursive: true });
});

async function write(kind: 'remote' | 'repository', expires: Publication['expires'] = {}): Promise<void> {
  repo.publish({ targets: { 'trusted_root.json': trusted }, expires });
  const root = repo.initialRoot.toString('base64');
  const rest = kind === 'remote' ? { mirror: mirror.url } : { mirrorFS: repo.archive().toString('base64') };
  const document = {
    apiVersion: 'policy.sigstore.dev/v1alpha1',
    kind: 'TrustRoot',
    metadata: { name: 'own' },
    spec: { [kind]: { root, ...rest } },
  };
  await writeFile(join(folder, 'root.json'), JSON.stringify(document));
}

async function read(): Promise<string> {
  const found = await readPolicies({ ...common, paths: [folder] });
  if (!found.ok) return found.failure.map(({ message }) => message).join();
  return found.value.trustRoots.get('own')?.trustedRootJson ?? '';
}

test('a command reads them before it begins', async () => {
  await write('remote');
  expect(await read()).toBe(trusted);
  await write('repository');
  expect(await read()).toBe(trusted);
});

test('a command ends when one of them is refused', async () => {
  await write('repository', { timestamp: past });
  expect(await read()).toContain('timestamp.json leads to metadata that has expired');
});

test('a command does not end because one of them will expire', async () => {
  await write('repository', { timestamp: soon });
  expect(await read()).toBe(trusted);
});

test('a server reads those in its files, and tells what it refuses; it does not speak to its own host', async () => {
  await write('repository');
  const watched = await watchPolicies({ ...common, paths: [folder], pollMs: 20, settleMs: 5 });
  try {
    await expect.poll(() => watched.current()?.trustRoots.get('own')?.trustedRootJson).toBe(trusted);
    repo.signers = new TufRepo().signers;
    await write('repository');
    await expect.poll(() => watched.problems()[0]?.message).toContain('is not signed');
    expect(watched.current()?.trustRoots.get('own')?.trustedRootJson).toBe(trusted);
    await write('remote');
    await expect.poll(() => watched.problems()[0]?.message).toContain('at an address that is not spoken to');
    expect(mirror.asked).toEqual([]);
  } finally {
    watched.close();
  }
});
