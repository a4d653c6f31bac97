import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clusterPolicies, type ClusterPolicies } from '../../../src/adapters/policies/custom-resources.ts';
import { embeddedRoot, policy, publicKey, secret, silentLog } from '../../contracts/policies.ts';
import { fakeApiServer, type FakeApiServer } from '../kubernetes/fake-api-server.ts';
import { untilHolds } from '../../until-holds.ts';

const group = '/apis/policy.sigstore.dev/v1alpha1';
const system = '/api/v1/namespaces/countersign-system';
let server: FakeApiServer;
let policies: ClusterPolicies | undefined;

beforeEach(async () => {
  server = await fakeApiServer();
  server.create(`${group}/clusterimagepolicies`);
  server.create(`${group}/trustroots`);
  server.create('/apis/countersign.dev/v1alpha1/actionpolicies');
  server.create(`${system}/configmaps`);
});
afterEach(async () => {
  policies?.close();
  await server.close();
});

function start(noMatch: 'deny' | 'allow' = 'deny'): void {
  policies = clusterPolicies({
    kubeConfig: server.kubeConfig,
    systemNamespace: 'countersign-system',
    noMatch,
    publicTrustRoot: embeddedRoot,
    log: silentLog,
    limits: { deadlineMs: 200, maxBytes: 1_000_000 },
    timing: { settle: 5, secrets: 50, pauses: { first: 10, longest: 50 } },
  });
}

function putPolicy(name: string, members: Readonly<Record<string, unknown>>): void {
  server.put(`${group}/clusterimagepolicies`, name, {
    apiVersion: 'policy.sigstore.dev/v1alpha1',
    kind: 'ClusterImagePolicy',
    ...members,
  });
}

const messages = (): readonly string[] => policies?.problems().map(({ message }) => message) ?? [];

async function eventuallyNoMatch(expected: string): Promise<void> {
  await untilHolds(() => {
    expect(policies?.current()?.noMatch).toBe(expected);
  });
}

test.each(['clusterimagepolicies', 'trustroots', 'configmaps'])(
  'there are no policies while %s cannot be listed, and it says so',
  async (collection) => {
    putPolicy('a', policy('a.io/**'));
    server.breakdown = { match: new RegExp(`GET .*/${collection}`), status: 403 };
    start();
    await untilHolds(() => {
      expect(policies?.problems()).toEqual([
        expect.objectContaining({ consequence: 'No policy is in force: every request is refused.' }),
      ]);
    });
    expect(policies?.current()).toBeUndefined();
    server.breakdown = undefined;
    await untilHolds(() => {
      expect(policies?.current()?.policies.length).toBe(1);
    });
    expect(policies?.problems()).toEqual([]);
  },
);

test('a missing custom resource definition is told with the way out', async () => {
  server.breakdown = { match: /GET .*clusterimagepolicies/, status: 404 };
  start();
  await untilHolds(() => {
    expect(messages()).toEqual([expect.stringMatching(/answers 404: install the custom resource definitions/)]);
  });
});

test('the settings are stronger than the flag, follow changes, and what they do not know is deny', async () => {
  start('allow');
  await eventuallyNoMatch('allow');
  server.put(`${system}/configmaps`, 'countersign-config', { data: { 'no-match-policy': 'warn' } });
  await eventuallyNoMatch('warn');
  server.put(`${system}/configmaps`, 'countersign-config', { data: { 'no-match-policy': 'perhaps', other: 'x' } });
  await eventuallyNoMatch('deny');
  expect(messages()).toEqual([
    'there is no setting "other"',
    'no-match-policy is "perhaps", expected deny, warn or allow',
  ]);
  server.remove(`${system}/configmaps`, 'countersign-config');
  await eventuallyNoMatch('allow');
  expect(messages()).toEqual([]);
});

test('another ConfigMap beside it means nothing', async () => {
  server.put(`${system}/configmaps`, 'other', { data: { 'no-match-policy': 'allow' } });
  start();
  await eventuallyNoMatch('deny');
  expect(messages()).toEqual([]);
});

test('reads only the Secrets that policies name, only from its own namespace', async () => {
  server.put(`${system}/secrets`, 'signer', secret(publicKey()));
  putPolicy('a', policy('a.io/**', { key: { secretRef: { name: 'signer', namespace: 'countersign-system' } } }));
  putPolicy('b', policy('b.io/**', { key: { secretRef: { name: 'signer', namespace: 'team' } } }));
  start();
  await untilHolds(() => {
    expect(policies?.current()?.policies.map(({ name, notReady }) => [name, notReady])).toEqual([
      ['a', []],
      ['b', [expect.stringContaining('Secrets are read from countersign-system only')]],
    ]);
  });
  const asked = new Set(server.requests.filter((line) => line.includes('/secrets')));
  expect([...asked]).toEqual([`GET ${system}/secrets/signer`]);
});

test.each([403, 500, 'silence'] as const)(
  'a Secret that cannot be read (%s) keeps its last version',
  async (status) => {
    server.put(`${system}/secrets`, 'signer', secret(publicKey()));
    putPolicy('a', policy('a.io/**', { key: { secretRef: { name: 'signer' } } }));
    start();
    await untilHolds(() => {
      expect(policies?.current()?.policies[0]?.notReady).toEqual([]);
    });
    server.breakdown = { match: /secrets/, status };
    await untilHolds(() => {
      expect(messages()).toEqual([expect.stringContaining('cannot read Secret countersign-system/signer')]);
    });
    expect(policies?.current()?.policies[0]?.notReady).toEqual([]);
  },
);

test('many changes at once make few snapshots', async () => {
  start();
  await eventuallyNoMatch('deny');
  const seen = new Set<string>();
  const look = setInterval(() => {
    const generation = policies?.current()?.generation;
    if (generation !== undefined) seen.add(generation);
  }, 1);
  for (let index = 0; index < 200; index += 1) putPolicy(`p${index}`, policy(`p${index}.io/**`));
  await untilHolds(() => {
    expect(policies?.current()?.policies.length).toBe(200);
  });
  clearInterval(look);
  expect(seen.size).toBeLessThan(20);
});

test('policies stay in force while the API server is away', async () => {
  putPolicy('a', policy('a.io/**'));
  start();
  await untilHolds(() => {
    expect(policies?.current()?.policies.length).toBe(1);
  });
  const before = policies?.current();
  server.breakdown = { match: /./, status: 500 };
  server.disconnect();
  await untilHolds(() => {
    expect(messages().length).toBe(4);
  });
  expect(policies?.problems()[0]?.consequence).toBe('What was read before stays in force.');
  expect(policies?.current()).toBe(before);
});

describe('Secrets', () => {
  const bySecret = policy('a.io/**', { key: { secretRef: { name: 'signer' } } });
  const reads = (): number => server.requests.filter((line) => line.endsWith('/secrets/signer')).length;
  const isReady = (): boolean | undefined => policies?.current()?.policies[0]?.notReady.length === 0;

  test('are followed: made, changed, deleted', async () => {
    putPolicy('a', bySecret);
    start();
    await untilHolds(() => expect(isReady()).toBe(false));
    server.put(`${system}/secrets`, 'signer', secret(publicKey()));
    await untilHolds(() => expect(isReady()).toBe(true));
    const before = policies?.current()?.generation;
    server.put(`${system}/secrets`, 'signer', secret(publicKey()));
    await untilHolds(() => expect(policies?.current()?.generation).not.toBe(before));
    server.remove(`${system}/secrets`, 'signer');
    await untilHolds(() => expect(isReady()).toBe(false));
  });

  test('that stay as they are change nothing, however often they are read', async () => {
    server.put(`${system}/secrets`, 'signer', secret(publicKey()));
    putPolicy('a', bySecret);
    start();
    await untilHolds(() => expect(isReady()).toBe(true));
    let changes = 0;
    policies?.onChange(() => (changes += 1));
    const before = reads();
    await untilHolds(() => expect(reads()).toBeGreaterThan(before + 2));
    expect(changes).toBe(0);
  });

  test('that nobody names any more are not read any more', async () => {
    putPolicy('a', bySecret);
    start();
    await untilHolds(() => expect(isReady()).toBe(false));
    putPolicy('a', policy('a.io/**'));
    await untilHolds(() => expect(isReady()).toBe(true));
    const before = reads();
    await sleep(150);
    expect(reads()).toBe(before);
  });
});

describe('what came of each object', () => {
  const inForce = (): Readonly<Record<string, string>> =>
    Object.fromEntries((policies?.objects() ?? []).map((one) => [`${one.kind}/${one.name}`, one.inForce]));
  const perhaps = policy('a.io/**', { static: { action: 'perhaps' } });

  test('is unknown until everything was read', () => {
    start();
    expect(policies?.objects()).toBeUndefined();
  });

  test('follows what they say', async () => {
    putPolicy('good', policy('a.io/**'));
    putPolicy('bad', perhaps);
    server.put(`${group}/trustroots`, 'root', { kind: 'TrustRoot', spec: {} });
    start();
    const before = {
      'ClusterImagePolicy/good': 'as-written',
      'ClusterImagePolicy/bad': 'refuses',
      'TrustRoot/root': 'refuses',
    };
    await untilHolds(() => expect(inForce()).toEqual(before));
    putPolicy('good', perhaps);
    await untilHolds(() => expect(inForce()).toEqual({ ...before, 'ClusterImagePolicy/good': 'last-good' }));
    putPolicy('later', { spec: {} });
    await untilHolds(() => expect(inForce()).toMatchObject({ 'ClusterImagePolicy/later': 'nothing-of-it' }));
  });

  test('is nothing at all while something is demanded that cannot be read', async () => {
    putPolicy('good', policy('a.io/**'));
    putPolicy('bad', { spec: {} });
    start();
    await untilHolds(() => {
      expect(inForce()).toEqual({ 'ClusterImagePolicy/good': 'nothing', 'ClusterImagePolicy/bad': 'nothing' });
    });
  });

  test('a new status is seen, and compiles nothing again', async () => {
    const metadata = { uid: 'u', generation: 1 };
    server.put(`${system}/secrets`, 'signer', secret(publicKey()));
    const spec = policy('a.io/**', { key: { secretRef: { name: 'signer' } } });
    putPolicy('a', { ...spec, metadata });
    start();
    await untilHolds(() => expect(policies?.objects()).toHaveLength(1));
    const before = policies?.current();
    const [first] = policies?.objects() ?? [];
    putPolicy('a', { ...spec, metadata, status: { observedGeneration: 1 } });
    await untilHolds(() => expect(policies?.objects()?.[0]?.object).not.toBe(first?.object));
    expect(policies?.current()).toBe(before);
    expect(policies?.objects()?.[0]?.document).toBe(first?.document);
  });

  test('an object that was deleted and made again is read anew', async () => {
    putPolicy('a', { ...policy('a.io/**'), metadata: { uid: 'u', generation: 1 } });
    start();
    await untilHolds(() => expect(policies?.current()?.policies[0]?.images[0]?.source).toBe('a.io/**'));
    putPolicy('a', { ...policy('b.io/**'), metadata: { uid: 'v', generation: 1 } });
    await untilHolds(() => expect(policies?.current()?.policies[0]?.images[0]?.source).toBe('b.io/**'));
  });
});
