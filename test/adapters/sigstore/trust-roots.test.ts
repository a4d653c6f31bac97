// TrustRoots that are kept in step with their TUF repositories: what is in force, from when on, and until when.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { FollowTiming } from '../../../src/adapters/sigstore/followed-root.ts';
import { followTrustRoots, type TrustRoots } from '../../../src/adapters/sigstore/trust-roots.ts';
import { parseTrustRoot, type ParsedTrustRoot } from '../../../src/policy/parse-trust-root.ts';
import { createSigstore } from '../../verification/kit/sigstore.ts';
import { past, serve, soon, TufRepo, type Mirror } from './tuf-kit.ts';
import { untilHolds } from '../../until-holds.ts';

const content = (): string => JSON.stringify(createSigstore().trustedRoot);
const [first, second, third] = [content(), content(), content()];
const targets = (trusted: string) => ({ targets: { 'trusted_root.json': trusted } });
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const slow: FollowTiming = { resync: 60_000, timeout: 15_000, firstPause: 60_000, longestPause: 60_000 };
const quick: FollowTiming = { resync: 20, timeout: 15_000, firstPause: 10, longestPause: 20 };

let repo: TufRepo;
let mirror: Mirror;
let following: TrustRoots | undefined;
let folder: string;

beforeEach(async () => {
  repo = new TufRepo();
  repo.publish(targets(first));
  mirror = await serve(repo.files);
  folder = await mkdtemp(join(tmpdir(), 'tuf-'));
});
afterEach(async () => {
  following?.close();
  await mirror.close();
  await rm(folder, { recursive: true });
});

function parsed(spec: unknown, name = 'own'): ParsedTrustRoot {
  const read = parseTrustRoot({
    apiVersion: 'policy.sigstore.dev/v1alpha1',
    kind: 'TrustRoot',
    metadata: { name },
    spec,
  });
  if (!read.ok) throw new Error(read.failure.join('\n'));
  return read.value;
}

const remote = (from = repo, name = 'own') =>
  parsed({ remote: { root: from.initialRoot.toString('base64'), mirror: mirror.url } }, name);
const packed = (from = repo) =>
  parsed({
    repository: { root: from.initialRoot.toString('base64'), mirrorFS: from.archive().toString('base64') },
  });

function follow(timing = slow, cacheFolder?: string, now = new Date()): { changed: ReturnType<typeof vi.fn> } {
  const changed = vi.fn();
  const kept = cacheFolder === undefined ? {} : { cacheFolder };
  following = followTrustRoots({ clock: { now: () => now }, log: silent, addresses: 'any', timing, ...kept }, changed);
  return { changed };
}

/** The trusted root in force, or why there is none. */
const inForce = (root: ParsedTrustRoot): string => {
  const found = following?.resolve(root);
  return found?.notReady[0] ?? found?.trustedRootJson ?? '';
};

test('nothing is trusted before it was read; then it is, and others are told', async () => {
  const { changed } = follow();
  const root = remote();
  const looked = following?.follow([root]);
  expect(inForce(root)).toBe('spec.remote was not read yet');
  await looked;
  expect(inForce(root)).toBe(first);
  expect(changed).toHaveBeenCalledOnce();
  expect(following?.problems()).toEqual([]);
});

test('a repository in the object needs no network', async () => {
  follow();
  const root = packed();
  await following?.follow([root]);
  expect(inForce(root)).toBe(first);
  expect(mirror.asked).toEqual([]);
});

test('keys that are written down are in force as they are', () => {
  follow();
  const [log] = createSigstore().trustedRoot.tlogs;
  const root: ParsedTrustRoot = { name: 'keys', generation: 'g', trustedRootJson: JSON.stringify(log), notReady: [] };
  void following?.follow([root]);
  expect(following?.resolve(root)).toBe(root);
});

test('what the mirror publishes later comes into force by itself', async () => {
  follow(quick);
  const root = remote();
  await following?.follow([root]);
  repo.publish(targets(second));
  await untilHolds(() => expect(inForce(root)).toBe(second));
});

test('it is looked at again although whoever was told has failed', async () => {
  const { changed } = follow(quick);
  changed.mockImplementationOnce(() => {
    throw new Error('not now');
  });
  const root = remote();
  await following?.follow([root]);
  repo.publish(targets(second));
  await untilHolds(() => expect(inForce(root)).toBe(second));
});

test('one that is followed already is not read again', async () => {
  follow();
  await following?.follow([remote()]);
  mirror.asked.splice(0);
  await following?.follow([remote()]);
  expect(mirror.asked).toEqual([]);
});

test('one that is gone is gone', async () => {
  follow(quick);
  const root = remote();
  await following?.follow([root, remote(repo, 'other')]);
  await following?.follow([remote(repo, 'other')]);
  expect(inForce(root)).toBe('spec.remote was not read yet');
});

describe('a repository that is refused', () => {
  test('at the beginning leaves nothing in force, says why, and is tried again', async () => {
    follow(quick);
    const healthy = repo.copy();
    repo.publish({ ...targets(second), expires: { timestamp: past } });
    const root = remote();
    await following?.follow([root]);
    const why = 'the TUF repository of spec.remote is refused: timestamp.json leads to metadata that has expired';
    expect(inForce(root)).toBe(why);
    expect(following?.problems()).toEqual([
      {
        where: 'TrustRoot/own',
        message: why,
        consequence: 'Policies that name it refuse every image they match.',
        of: 'TrustRoot/own',
      },
    ]);
    mirror.files = healthy;
    await untilHolds(() => expect(inForce(root)).toBe(first));
    expect(following?.problems()).toEqual([]);
  });

  test.each<[string, () => void, string]>([
    ['has expired', () => repo.publish({ ...targets(second), expires: { timestamp: past } }), 'expired'],
    ['is gone', () => void (mirror.files = new Map()), 'timestamp.json is not there'],
    ['is by somebody else', () => void (mirror.files = strangers()), 'is not signed'],
  ])('later, because it %s, leaves what was read in force', async (_title, spoil, reason) => {
    follow(quick);
    const root = remote();
    await following?.follow([root]);
    spoil();
    await untilHolds(() => expect(following?.problems()[0]?.message).toContain(reason));
    expect(inForce(root)).toBe(first);
    expect(following?.problems()[0]?.consequence).toBe('What was read before stays in force.');
  });

  function strangers(): ReadonlyMap<string, Buffer> {
    const other = new TufRepo();
    other.publish(targets(third));
    return other.copy();
  }
});

describe('an object that was changed', () => {
  test('to newer metadata under the same root replaces what is in force without a gap', async () => {
    follow();
    const before = packed();
    await following?.follow([before]);
    repo.publish(targets(second));
    const after = packed();
    const looked = following?.follow([after]);
    expect(inForce(after)).toBe(first);
    await looked;
    expect(inForce(after)).toBe(second);
  });

  test('to older metadata under the same root is refused, and the newer stays', async () => {
    follow();
    const older = packed();
    repo.publish(targets(second));
    await following?.follow([packed()]);
    await following?.follow([older]);
    expect(inForce(older)).toBe(second);
    expect(following?.problems()[0]?.message).toContain('rolled back');
  });

  test('to another root that is refused leaves nothing in force', async () => {
    follow();
    await following?.follow([remote()]);
    const other = remote(new TufRepo());
    await following?.follow([other]);
    expect(inForce(other)).toContain('is not signed by as many of the trusted keys as it must be');
    expect(following?.problems()[0]?.consequence).toBe('Policies that name it refuse every image they match.');
  });

  test('to another root that is good replaces it', async () => {
    follow();
    await following?.follow([remote()]);
    const other = new TufRepo();
    other.publish(targets(third));
    const root = packed(other);
    await following?.follow([root]);
    expect(inForce(root)).toBe(third);
  });
});

test('the author of an object is told before its metadata expires', async () => {
  repo.publish({ ...targets(second), expires: { timestamp: soon } });
  follow();
  const root = packed();
  await following?.follow([root]);
  expect(inForce(root)).toBe(second);
  expect(following?.problems()).toMatchObject([
    { message: expect.stringMatching(/^the TUF metadata in spec\.repository\.mirrorFS expires at 20/) as string },
  ]);
});

describe('a restart', () => {
  const older = (): ReadonlyMap<string, Buffer> => {
    const before = repo.copy();
    repo.publish(targets(second));
    return before;
  };

  test('with a folder does not forget what is older', async () => {
    const before = older();
    follow(slow, folder);
    await following?.follow([remote()]);
    following?.close();
    mirror.files = before;
    follow(slow, folder);
    const root = remote();
    await following?.follow([root]);
    expect(inForce(root)).toContain('rolled back');
  });

  test('without one does', async () => {
    const before = older();
    follow();
    await following?.follow([remote()]);
    following?.close();
    mirror.files = before;
    follow();
    const root = remote();
    await following?.follow([root]);
    expect(inForce(root)).toBe(first);
  });

  test('does not trust what the folder holds', async () => {
    follow(slow, folder);
    await following?.follow([remote()]);
    following?.close();
    const [own = ''] = await readdir(folder);
    const stranger = new TufRepo();
    stranger.publish(targets(third));
    for (const name of ['timestamp.json', 'snapshot.json', 'targets.json']) {
      const file = stranger.files.get(name) ?? stranger.file(`1.${name}`);
      await writeFile(join(folder, own, name), file);
    }
    follow(slow, folder);
    const root = remote();
    await following?.follow([root]);
    expect(inForce(root)).toBe(first);
  });

  test('with a folder that cannot be written goes on without', async () => {
    await writeFile(join(folder, 'file'), '');
    follow(slow, join(folder, 'file'));
    const root = remote();
    await following?.follow([root]);
    expect(inForce(root)).toBe(first);
  });
});

test('after its end nothing comes into force any more', async () => {
  const { changed } = follow(quick);
  const looked = following?.follow([remote()]);
  following?.close();
  await looked;
  expect(changed).not.toHaveBeenCalled();
});

test('a repository that was away for long is found again within a minute', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const changed = vi.fn();
    const other = new TufRepo();
    other.publish(targets(second));
    const archive = other.archive().toString('base64');
    const broken = parsed({ repository: { root: repo.initialRoot.toString('base64'), mirrorFS: archive } });
    following = followTrustRoots({ log: silent, addresses: 'any' }, changed);
    await following.follow([broken]);
    for (let minute = 1; minute <= 12; minute += 1) {
      const before = changed.mock.calls.length;
      vi.advanceTimersByTime(60_000);
      const isLate = performance.now() + 5_000;
      while (changed.mock.calls.length === before && performance.now() < isLate)
        await new Promise<void>((resolve) => void setImmediate(resolve));
      expect(changed.mock.calls.length).toBeGreaterThan(before);
    }
  } finally {
    vi.useRealTimers();
  }
});
