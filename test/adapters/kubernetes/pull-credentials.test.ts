import { afterEach, beforeEach, expect, test } from 'vitest';
import { accountPullSecrets, clusterPullCredentials } from '../../../src/adapters/kubernetes/pull-credentials.ts';
import type { Logger } from '../../../src/ports/logger.ts';
import type { PullCredentials, Workload } from '../../../src/ports/pull-credentials.ts';
import { fakeApiServer, type FakeApiServer } from './fake-api-server.ts';
import { untilHolds } from '../../until-holds.ts';

const secrets = '/api/v1/namespaces/team/secrets';
const accounts = '/api/v1/namespaces/team/serviceaccounts';
const workload: Workload = { namespace: 'team', serviceAccount: 'default', pullSecrets: ['own'] };
let server: FakeApiServer;
let logged: string;

beforeEach(async () => {
  server = await fakeApiServer();
  logged = '';
});
afterEach(() => server.close());

function credentials(options: { freshMs?: number; installation?: string; deadlineMs?: number } = {}): PullCredentials {
  const write = (fields: unknown, message: string): void => {
    logged += `${JSON.stringify(fields)} ${message}\n`;
  };
  const log: Logger = { info: write, warn: write, error: write };
  return clusterPullCredentials({
    kubeConfig: server.kubeConfig,
    log,
    limits: { deadlineMs: options.deadlineMs ?? 5_000, maxBytes: 100_000 },
    ...(options.freshMs === undefined ? {} : { freshMs: options.freshMs }),
    ...(options.installation === undefined
      ? {}
      : {
          installation: {
            entries: [{ host: options.installation, path: '', credentials: { username: 'all', password: 'p' } }],
          },
        }),
  });
}

function pullSecret(host: string, username: string): { data: Record<string, string> } {
  const config = { auths: { [host]: { auth: Buffer.from(`${username}:hunter2`).toString('base64') } } };
  return { data: { '.dockerconfigjson': Buffer.from(JSON.stringify(config)).toString('base64') } };
}

async function user(source: PullCredentials, host: string, whose: Workload = workload): Promise<unknown> {
  const answer = await source.ofWorkload(whose).forHost(host, 'app', AbortSignal.timeout(5_000));
  return answer.ok ? answer.value?.username : answer.failure;
}

test("uses the workload's own pull secret and that of its service account", async () => {
  server.put(accounts, 'default', { imagePullSecrets: [{ name: 'inherited' }] });
  server.put(secrets, 'own', pullSecret('a.io', 'own'));
  server.put(secrets, 'inherited', pullSecret('b.io', 'inherited'));
  const source = credentials();
  expect(await user(source, 'a.io')).toBe('own');
  expect(await user(source, 'b.io')).toBe('inherited');
  expect(await user(source, 'c.io')).toBeUndefined();
});

test("the workload's own secret comes before the service account's, the installation's last", async () => {
  server.put(accounts, 'default', { imagePullSecrets: [{ name: 'inherited' }] });
  server.put(secrets, 'own', pullSecret('a.io', 'own'));
  server.put(secrets, 'inherited', pullSecret('a.io', 'inherited'));
  const source = credentials({ installation: 'a.io' });
  expect(await user(source, 'a.io')).toBe('own');
  expect(await user(source, 'a.io', { ...workload, pullSecrets: [] })).toBe('inherited');
  expect(await user(source, 'a.io', { ...workload, namespace: 'elsewhere' })).toBe('all');
});

test('reads nothing before a registry asks, and no other namespace', async () => {
  server.put('/api/v1/namespaces/other/secrets', 'own', pullSecret('a.io', 'stranger'));
  const source = credentials();
  source.ofWorkload(workload);
  expect(server.requests).toEqual([]);
  expect(await user(source, 'a.io')).toBeUndefined();
  expect(server.requests.filter((line) => !line.includes('/namespaces/team/'))).toEqual([]);
});

test('reads once for many requests at the same time, and again when it is no longer fresh', async () => {
  server.put(secrets, 'own', pullSecret('a.io', 'first'));
  const source = credentials({ freshMs: 60 });
  await Promise.all(Array.from({ length: 20 }, () => user(source, 'a.io')));
  expect(server.requests.length).toBe(2);
  server.put(secrets, 'own', pullSecret('a.io', 'second'));
  await untilHolds(async () => {
    expect(await user(source, 'a.io')).toBe('second');
  });
});

test.each([
  ['missing', undefined],
  ['without the entry', { data: {} }],
  ['no docker config', { data: { '.dockerconfigjson': 'e30' } }],
  ['no JSON', { data: { '.dockerconfigjson': Buffer.from('{"auths":').toString('base64') } }],
])('passes over a pull secret that is %s', async (_case, secret) => {
  if (secret !== undefined) server.put(secrets, 'own', secret);
  server.put(secrets, 'other', pullSecret('a.io', 'other'));
  expect(await user(credentials(), 'a.io', { ...workload, pullSecrets: ['own', 'other'] })).toBe('other');
});

test('reads the older dockercfg form', async () => {
  const config = { 'a.io': { username: 'old', password: 'p' } };
  server.put(secrets, 'own', { data: { '.dockercfg': Buffer.from(JSON.stringify(config)).toString('base64') } });
  expect(await user(credentials(), 'a.io')).toBe('old');
});

test.each([500, 429, 'silence', 'garbage'] as const)(
  'an API server that answers %s is SECRET_UNAVAILABLE, and asked again',
  async (status) => {
    server.put(secrets, 'own', pullSecret('a.io', 'own'));
    server.breakdown = { match: /secrets/, status };
    const source = credentials({ deadlineMs: status === 'silence' ? 300 : 5_000 });
    expect(await user(source, 'a.io')).toMatchObject({ code: 'SECRET_UNAVAILABLE', retryAfterSeconds: 5 });
    server.breakdown = undefined;
    await untilHolds(async () => {
      expect(await user(source, 'a.io')).toBe('own');
    });
  },
);

test('missing permission is told with the way out', async () => {
  server.breakdown = { match: /secrets/, status: 403 };
  expect(await user(credentials(), 'a.io')).toMatchObject({
    code: 'SECRET_UNAVAILABLE',
    message: expect.stringContaining('bind ClusterRole countersign-pull-secrets in namespace team'),
  });
});

test('ends with the signal of whoever asks', async () => {
  server.breakdown = { match: /./, status: 'silence' };
  const asked = credentials().ofWorkload(workload).forHost('a.io', 'app', AbortSignal.timeout(20));
  expect(await asked).toMatchObject({ ok: false, failure: { code: 'DEADLINE_EXCEEDED' } });
});

test('a Pod that names a thousand pull secrets causes few requests', async () => {
  const pullSecrets = Array.from({ length: 1_000 }, (_, index) => `secret-${index}`);
  await user(credentials(), 'a.io', { ...workload, pullSecrets });
  expect(server.requests.length).toBeLessThanOrEqual(17);
});

test('names that no Secret can have are not asked for', async () => {
  await user(credentials(), 'a.io', { ...workload, pullSecrets: ['', '..', '../../other/secrets/own', 'UPPER'] });
  expect(server.requests).toEqual([`GET ${accounts}/default`]);
});

test('credentials of different workloads have different ids; of equal ones, equal', () => {
  const source = credentials();
  const ids = [
    workload,
    { ...workload, namespace: 'other' },
    { ...workload, serviceAccount: 'builder' },
    { ...workload, pullSecrets: [] },
  ].map((it) => source.ofWorkload(it).id);
  expect(new Set(ids).size).toBe(4);
  expect(source.ofWorkload({ ...workload }).id).toBe(ids[0]);
});

test('logs no credentials', async () => {
  server.put(secrets, 'own', { data: { '.dockerconfigjson': Buffer.from('hunter2').toString('base64') } });
  server.put(secrets, 'other', pullSecret('a.io', 'other'));
  await user(credentials(), 'a.io', { ...workload, pullSecrets: ['own', 'other'] });
  expect(logged).toContain('"secret":"own"');
  expect(logged).not.toContain('hunter2');
});

test('tells which pull secrets accounts bring along, each once, and none of those that are not there', async () => {
  server.put(accounts, 'default', { imagePullSecrets: [{ name: 'a' }, { name: 'b' }] });
  server.put(accounts, 'scale-sa', { imagePullSecrets: [{ name: 'b' }, { name: 'c' }] });
  const source = accountPullSecrets({ kubeConfig: server.kubeConfig });
  const signal = AbortSignal.timeout(5_000);
  const found = await source.ofAccounts('team', ['default', 'scale-sa', 'nobody', '../x', 'default'], signal);
  expect(found).toEqual({ ok: true, value: ['a', 'b', 'c'] });
  expect(server.requests).toHaveLength(3);
  expect(await source.ofAccounts('team', ['default'], AbortSignal.abort())).toMatchObject({
    ok: false,
    failure: { code: 'DEADLINE_EXCEEDED' },
  });
});
