// TUF repositories: what is whole and signed by those who may is read, and everything else is refused for a reason.
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readTrustRoot } from '../../../src/adapters/sigstore/read-trust-root.ts';
import type { KnownMetadata } from '../../../src/adapters/sigstore/tuf-repository.ts';
import type { RemoteSource, RepositorySource } from '../../../src/policy/parse-trust-root-source.ts';
import { pem, pemOfKey } from '../../verification/kit/certificates.ts';
import { createSigstore } from '../../verification/kit/sigstore.ts';
import { future, newSigner, past, serve, tarEntry, TufRepo, type Instead, type Mirror } from './tuf-kit.ts';

const sigstore = createSigstore();
const trusted = JSON.stringify(sigstore.trustedRoot);
const targets = { 'trusted_root.json': trusted };

let repo: TufRepo;
let mirror: Mirror;

beforeEach(async () => {
  repo = new TufRepo();
  mirror = await serve(repo.files);
});
afterEach(() => mirror.close());

const remote = (change: Partial<RemoteSource> = {}): RemoteSource => ({
  kind: 'remote',
  root: repo.initialRoot,
  mirror: mirror.url,
  targets: 'targets',
  trustedRootTarget: 'trusted_root.json',
  ...change,
});

const packed = (archive: Buffer, change: Partial<RepositorySource> = {}): RepositorySource => ({
  kind: 'repository',
  root: repo.initialRoot,
  archive,
  targets: 'targets',
  trustedRootTarget: 'trusted_root.json',
  ...change,
});

interface Trial {
  readonly known?: KnownMetadata;
  readonly timeoutMs?: number;
  readonly addresses?: 'any' | 'no-local';
}

/** The trusted root, or why there is none. */
async function read(source: RemoteSource | RepositorySource, trial: Trial = {}): Promise<string> {
  const { known = new Map<string, Buffer>(), timeoutMs = 15_000, addresses = 'any' } = trial;
  const found = await readTrustRoot('own', source, { known, timeoutMs, addresses });
  return found.ok ? found.value.root.trustedRootJson : found.failure.message;
}

describe('reads', () => {
  test('a remote repository, with when it expires', async () => {
    repo.publish({ targets });
    const found = await readTrustRoot('own', remote(), { known: new Map(), timeoutMs: 15_000, addresses: 'any' });
    expect(found).toMatchObject({ ok: true, value: { root: { name: 'own', trustedRootJson: trusted, notReady: [] } } });
    expect(found.ok && found.value.expires.toISOString()).toBe(future.replace('Z', '.000Z'));
  });

  test('one without consistent snapshots', async () => {
    repo = new TufRepo(false);
    mirror.files = repo.files;
    repo.publish({ targets });
    expect(await read(remote())).toBe(trusted);
  });

  test('one whose root was changed twice, each time by other keys', async () => {
    for (let version = 2; version <= 3; version += 1) {
      repo.signers = { root: [newSigner()], timestamp: [newSigner()], snapshot: [newSigner()], targets: [newSigner()] };
      repo.publishRoot();
    }
    repo.publish({ targets });
    expect(await read(remote())).toBe(trusted);
    expect(mirror.asked.slice(0, 3)).toEqual(['2.root.json', '3.root.json', '4.root.json']);
  });

  test('one that asks for two of three signatures', async () => {
    repo.signers.targets = [newSigner(), newSigner(), newSigner()];
    repo.thresholds = { targets: 2 };
    repo.publishRoot();
    repo.publish({ targets, signers: { targets: repo.signers.targets.slice(1) } });
    expect(await read(remote())).toBe(trusted);
  });

  test('a target of another name, in a folder, through a delegation', async () => {
    repo.publish({ delegated: { role: 'sigstore', paths: ['own/*'], targets: { 'own/root.json': trusted } } });
    expect(await read(remote({ trustedRootTarget: 'own/root.json' }))).toBe(trusted);
  });

  test('an initial root that has expired, if a newer one has not', async () => {
    const old = new TufRepo();
    const initial = old.signers;
    old.publishRoot({ version: 1, expires: past, by: initial.root });
    old.publishRoot();
    old.publish({ targets });
    mirror.files = old.files;
    expect(await read(remote({ root: old.initialRoot }))).toBe(trusted);
  });

  test('an archive, whatever folder it is packed in', async () => {
    repo.publish({ targets });
    expect(await read(packed(repo.archive()))).toBe(trusted);
    expect(await read(packed(repo.archive('')))).toBe(trusted);
    expect(await read(packed(repo.archive('./repository/')))).toBe(trusted);
    expect(mirror.asked).toEqual([]);
  });

  test('behind a redirect', async () => {
    repo.publish({ targets });
    const other = await serve(repo.files);
    mirror.files = new Map();
    for (const name of [...repo.files.keys(), '2.root.json']) {
      mirror.instead.set(name, (response) => response.writeHead(302, { location: `${other.url}/${name}` }).end());
    }
    expect(await read(remote())).toBe(trusted);
    await other.close();
  });

  test('targets by their custom metadata, where there is no trusted root', async () => {
    repo.publish({
      targets: {
        'ca.pem': `${pem(sigstore.intermediateDer)}${pem(sigstore.rootDer)}`,
        'rekor.pub': pemOfKey(sigstore.rekorKey),
        'ct.pub': pemOfKey(sigstore.ctKey),
        'notes.txt': 'for people',
      },
      custom: {
        'ca.pem': { usage: 'Fulcio', status: 'Active', uri: 'https://fulcio.test' },
        'rekor.pub': { usage: 'Rekor', status: 'Active', uri: 'https://rekor.test' },
        'ct.pub': { usage: 'CTFE', status: 'Active', uri: 'https://ct.test' },
        'notes.txt': { usage: 'Unknown' },
      },
    });
    expect(JSON.parse(await read(remote()))).toMatchObject({
      certificateAuthorities: [{ uri: 'https://fulcio.test', certChain: { certificates: [{}, {}] } }],
      tlogs: [{ baseUrl: 'https://rekor.test', logId: sigstore.trustedRoot.tlogs[0]?.logId }],
      ctlogs: [{ baseUrl: 'https://ct.test', logId: sigstore.trustedRoot.ctlogs[0]?.logId }],
      timestampAuthorities: [],
    });
  });
});

describe('refuses', () => {
  const changed = (name: string, from: string, to: string): void => {
    mirror.files = new Map([...repo.files, [name, Buffer.from(repo.file(name).toString('utf8').replace(from, to))]]);
  };
  const targetFile = (): string => [...repo.files.keys()].find((name) => name.startsWith('targets/')) ?? '';

  const cases: readonly (readonly [string, () => void, string])[] = [
    ['a timestamp that has expired', () => repo.publish({ targets, expires: { timestamp: past } }), 'has expired'],
    ['a snapshot that has expired', () => repo.publish({ targets, expires: { snapshot: past } }), 'has expired'],
    ['targets that have expired', () => repo.publish({ targets, expires: { targets: past } }), 'has expired'],
    [
      'a root that has expired',
      () => {
        repo.publishRoot({ expires: past });
        repo.publish({ targets });
      },
      'has expired',
    ],
    [
      'a delegated role that has expired',
      () => {
        repo.publish({
          delegated: { role: 'sigstore', paths: ['*'], targets },
          expires: { delegated: past },
        });
      },
      'sigstore.json leads to metadata that has expired',
    ],
    [
      'a timestamp by a stranger',
      () => repo.publish({ targets, signers: { timestamp: [newSigner()] } }),
      'is not signed',
    ],
    [
      'a snapshot by a stranger',
      () => repo.publish({ targets, signers: { snapshot: [newSigner()] } }),
      'is not signed',
    ],
    ['targets by a stranger', () => repo.publish({ targets, signers: { targets: [newSigner()] } }), 'is not signed'],
    ['targets signed by nobody', () => repo.publish({ targets, signers: { targets: [] } }), 'is not signed'],
    [
      'a delegated role by a stranger',
      () => {
        repo.publish({
          delegated: { role: 'sigstore', paths: ['*'], targets },
          signers: { delegated: [newSigner()] },
        });
      },
      'sigstore.json is not signed',
    ],
    [
      'one signature where two are asked for',
      () => {
        repo.signers.targets = [newSigner(), newSigner()];
        repo.thresholds = { targets: 2 };
        repo.publishRoot();
        repo.publish({ targets, signers: { targets: repo.signers.targets.slice(1) } });
      },
      'targets.json is not signed by as many',
    ],
    [
      'a new root that the former one has not signed',
      () => {
        repo.signers = { ...repo.signers, root: [newSigner()] };
        repo.publishRoot({ by: repo.signers.root });
        repo.publish({ targets });
      },
      '2.root.json is not signed',
    ],
    [
      'a new root that its own keys have not signed',
      () => {
        const former = repo.signers.root;
        repo.signers = { ...repo.signers, root: [newSigner()] };
        repo.publishRoot({ by: former });
        repo.publish({ targets });
      },
      '2.root.json is not signed',
    ],
    [
      'a root whose version does not follow',
      () => {
        repo.publishRoot({ version: 5 });
        repo.publish({ targets });
        repo.files.set('2.root.json', repo.file('5.root.json'));
      },
      '2.root.json is of another version',
    ],
    [
      'the metadata of keys that a new root no longer names',
      () => {
        repo.publish({ targets });
        repo.signers = { ...repo.signers, timestamp: [newSigner()] };
        repo.publishRoot();
      },
      'timestamp.json is not signed',
    ],
    [
      'a changed snapshot',
      () => {
        repo.publish({ targets });
        changed('1.snapshot.json', '"version":1', '"version":2');
      },
      'snapshot.json was changed',
    ],
    [
      'changed targets of the same length',
      () => {
        repo.publish({ targets });
        changed('1.targets.json', 'trusted_root.json', 'trusted_ruut.json');
      },
      'targets.json was changed',
    ],
    [
      'a changed target',
      () => {
        repo.publish({ targets });
        changed(targetFile(), 'rekor.test', 'evill.test');
      },
      'target trusted_root.json was changed',
    ],
    [
      'a shorter target',
      () => {
        repo.publish({ targets });
        mirror.files = new Map([...repo.files, [targetFile(), Buffer.from(trusted.slice(0, -1))]]);
      },
      'target trusted_root.json was changed',
    ],
    [
      'a longer target',
      () => {
        repo.publish({ targets });
        mirror.files = new Map([...repo.files, [targetFile(), Buffer.from(`${trusted} `)]]);
      },
      'is larger than',
    ],
    [
      'a target that is not there',
      () => {
        repo.publish({ targets });
        mirror.files = new Map([...repo.files].filter(([name]) => name !== targetFile()));
      },
      'target trusted_root.json is not there',
    ],
    ['no target at all', () => repo.publish(), 'neither the trusted root nor targets with certificate authorities'],
    [
      'a delegation of other paths',
      () => repo.publish({ delegated: { role: 'sigstore', paths: ['other/*'], targets } }),
      'neither the trusted root',
    ],
    ['a target that is no trusted root', () => repo.publish({ targets: { 'trusted_root.json': '{}' } }), 'mediaType'],
    [
      'a trusted root without validity windows',
      () => {
        const [log] = sigstore.trustedRoot.tlogs;
        const content = {
          ...sigstore.trustedRoot,
          tlogs: [{ ...log, publicKey: { ...log?.publicKey, validFor: {} } }],
        };
        repo.publish({ targets: { 'trusted_root.json': JSON.stringify(content) } });
      },
      'tlogs[0] has no validFor.start',
    ],
    [
      'a target larger than any trusted root',
      () => repo.publish({ targets: { 'trusted_root.json': ' '.repeat(1_100_000) } }),
      'is larger than 1048576 bytes',
    ],
    [
      'custom metadata of keys that are none',
      () => repo.publish({ targets: { 'ca.pem': 'x' }, custom: { 'ca.pem': { usage: 'Fulcio' } } }),
      'target ca.pem holds no PEM certificates',
    ],
    [
      'logs by custom metadata without certificate authorities',
      () => {
        repo.publish({
          targets: { 'rekor.pub': pemOfKey(sigstore.rekorKey) },
          custom: { 'rekor.pub': { usage: 'Rekor' } },
        });
      },
      'neither the trusted root',
    ],
    ['no repository', () => undefined, 'timestamp.json is not there'],
    [
      'a timestamp that is no JSON',
      () => {
        repo.publish({ targets });
        mirror.files = new Map([...repo.files, ['timestamp.json', Buffer.from('<html>')]]);
      },
      'timestamp.json cannot be read as TUF metadata',
    ],
    [
      'a role in the place of another',
      () => {
        repo.publish({ targets });
        mirror.files = new Map([...repo.files, ['timestamp.json', repo.file('1.targets.json')]]);
      },
      'timestamp.json cannot be read as TUF metadata',
    ],
  ];

  test.each(cases)('%s', async (_title, make, reason) => {
    make();
    const said = await read(remote());
    expect(said).toMatch(/^the TUF repository of spec\.remote is refused: /);
    expect(said).toContain(reason);
  });

  test('the root of somebody else', async () => {
    repo.publish({ targets });
    expect(await read(remote({ root: new TufRepo().initialRoot }))).toContain('timestamp.json is not signed');
  });

  test.each([
    ['a root that its own keys have not signed', '{"signatures":[],"signed":{"_type":"root"}}'],
    ['a root that is none', '{"signatures":[]}'],
    ['targets in the place of a root', '{"signatures":[],"signed":{"_type":"targets"}}'],
  ])('%s', async (_title, root) => {
    repo.publish({ targets });
    expect(await read(remote({ root: Buffer.from(root) }))).toContain('the initial root.json cannot be read');
  });
});

describe('a mirror that misbehaves', () => {
  const big = Buffer.alloc(64 * 1024, 'x');
  const endless: Instead = (response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(big));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  };
  const cases: [string, string, Instead, string, number?][] = [
    ['sends a timestamp without end', 'timestamp.json', endless, 'timestamp.json is larger than 16384 bytes'],
    ['sends a root without end', '2.root.json', endless, '2.root.json is larger than 512000 bytes'],
    ['sends a snapshot without end', '1.snapshot.json', endless, '1.snapshot.json is larger than'],
    ['says nothing', 'timestamp.json', () => undefined, 'did not answer with everything within 300 ms', 300],
    ['begins and goes on never', '1.targets.json', (response) => response.write('{'), 'within 300 ms', 300],
    ['hangs up', 'timestamp.json', (response) => response.destroy(), 'cannot be read ('],
    ['is at fault', '1.targets.json', (response) => response.writeHead(500).end(), 'answers with status 500'],
    [
      'sends less than it says',
      'timestamp.json',
      (response) => {
        response.writeHead(200, { 'content-length': '500' }).write('{');
        setTimeout(() => response.destroy(), 10);
      },
      'cannot be read (',
    ],
    [
      'leads in circles',
      'timestamp.json',
      (response) => response.writeHead(302, { location: '/timestamp.json' }).end(),
      'redirects more than 3 times',
    ],
    [
      'leads to a file',
      'timestamp.json',
      (response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      'is at an address that is not spoken to',
    ],
  ];

  test.each<[string, string, Instead, string, number?]>(cases)(
    '%s',
    async (_title, name, instead, reason, timeoutMs = 15_000) => {
      repo.publish({ targets });
      mirror.instead.set(name, instead);
      expect(await read(remote(), { timeoutMs })).toContain(reason);
    },
  );

  test('changes its root for ever', async () => {
    for (let version = 2; version <= 258; version += 1) repo.publishRoot();
    expect(await read(remote(), { timeoutMs: 20_000 })).toContain('goes on after 256 versions');
  });

  test('on this host is not spoken to where others choose the address', async () => {
    repo.publish({ targets });
    expect(await read(remote(), { addresses: 'no-local' })).toContain('at an address that is not spoken to');
    expect(mirror.asked).toEqual([]);
  });
});

describe('what was seen before', () => {
  test('an older repository is refused, whatever is older', async () => {
    const known: KnownMetadata = new Map();
    repo.publish({ targets });
    const before = repo.copy();
    repo.publish({ targets });
    expect(await read(remote(), { known })).toBe(trusted);
    mirror.files = before;
    expect(await read(remote(), { known })).toContain('timestamp.json is of another version than it must be');
    // Not known to somebody who begins.
    expect(await read(remote())).toBe(trusted);
  });

  test('an archive of a repository rolled back is refused too', async () => {
    const known: KnownMetadata = new Map();
    repo.publish({ targets });
    const older = repo.archive();
    repo.publish({ targets });
    expect(await read(packed(repo.archive()), { known })).toBe(trusted);
    expect(await read(packed(older), { known })).toContain('rolled back');
  });

  test('a newer timestamp of an older snapshot is refused', async () => {
    const known: KnownMetadata = new Map();
    repo.publish({ targets });
    repo.publish({ targets });
    expect(await read(remote(), { known })).toBe(trusted);
    repo.versions.metadata = 0;
    repo.publish({ targets });
    expect(await read(remote(), { known })).toContain('rolled back');
  });

  test('a root that was seen is not forgotten when the mirror hides it', async () => {
    const known: KnownMetadata = new Map();
    const former = { ...repo.signers };
    repo.publish({ targets });
    const before = repo.copy();
    repo.signers = { ...repo.signers, timestamp: [newSigner()] };
    repo.publishRoot();
    repo.publish({ targets });
    expect(await read(remote(), { known })).toBe(trusted);
    repo.signers = former;
    mirror.files = before;
    expect(await read(remote(), { known })).toContain('timestamp.json is not signed');
  });

  test('is asked for again only where it changed', async () => {
    const known: KnownMetadata = new Map();
    repo.publish({ targets });
    await read(remote(), { known });
    mirror.asked.splice(0);
    expect(await read(remote(), { known })).toBe(trusted);
    expect(mirror.asked).toEqual(['2.root.json', 'timestamp.json', expect.stringMatching(/^targets\//)]);
  });

  test('helps nobody when it was tampered with on disk', async () => {
    repo.publish({ targets });
    const known: KnownMetadata = new Map([
      ['2.root.json', Buffer.from('{}')],
      ['timestamp.json', Buffer.from('x')],
      ['snapshot.json', new TufRepo().initialRoot],
      ['targets.json', Buffer.from(repo.file('1.targets.json').toString('utf8').replace('"version":1', '"version":9'))],
    ]);
    expect(await read(remote(), { known })).toBe(trusted);
  });

  test('keys may be changed after an attacker counted too far', async () => {
    const known: KnownMetadata = new Map();
    repo.versions.metadata = 1_000_000;
    repo.publish({ targets });
    expect(await read(remote(), { known })).toBe(trusted);
    repo.signers = { ...repo.signers, timestamp: [newSigner()], snapshot: [newSigner()], targets: [newSigner()] };
    repo.publishRoot();
    repo.versions.metadata = 1;
    repo.publish({ targets });
    expect(await read(remote(), { known })).toBe(trusted);
  });
});

describe('refuses archives', () => {
  const cases: readonly (readonly [string, () => Buffer, string])[] = [
    ['that are no gzip inside', () => Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), Buffer.alloc(30)]), 'is no gzip'],
    ['that are cut', () => repo.archive().subarray(0, 200), 'is no gzip'],
    ['that are no tar', () => gzipSync('x'.repeat(2_000)), 'cannot be read as tar'],
    [
      'whose tar is cut',
      () => gzipSync(tarEntry('1.root.json', Buffer.alloc(2_000)).subarray(0, 1_000)),
      'cannot be read as tar',
    ],
    ['that are bombs', () => gzipSync(Buffer.alloc(64 * 1024 * 1024)), 'unpacks to more than 33554432 bytes'],
    [
      'of too many files',
      () =>
        gzipSync(Buffer.concat(Array.from({ length: 10_001 }, (_, index) => tarEntry(`f${index}`, Buffer.alloc(0))))),
      'more than 10000 files',
    ],
    ['without a repository', () => gzipSync(Buffer.alloc(1_024)), 'timestamp.json is not there'],
    [
      'whose metadata has expired',
      () => {
        repo.publish({ targets, expires: { timestamp: past } });
        return repo.archive();
      },
      'has expired',
    ],
  ];

  test.each(cases)('%s', async (_title, make, reason) => {
    const said = await read(packed(make()));
    expect(said).toMatch(/^the TUF repository of spec\.repository is refused: /);
    expect(said).toContain(reason);
  });

  test('links in them lead nowhere', async () => {
    repo.publish({ targets });
    const link = tarEntry('repository/2.root.json', Buffer.alloc(0), '2');
    const entries = [...repo.files].map(([name, bytes]) => tarEntry(`repository/${name}`, bytes));
    expect(await read(packed(gzipSync(Buffer.concat([link, ...entries, Buffer.alloc(1_024)]))))).toBe(trusted);
  });
});
