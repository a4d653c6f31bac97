import { X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { issueServing, makeAuthority } from '../../../src/adapters/certificates/authority.ts';
import { secretCertificates, type SecretCertificates } from '../../../src/adapters/certificates/secret-certificates.ts';
import { secretStore } from '../../../src/adapters/certificates/secret-store.ts';
import type { CertificateStore, StoredCertificates } from '../../../src/ports/certificate-store.ts';
import type { Result } from '../../../src/kernel/result.ts';
import { fakeSecret, type FakeSecret } from './fake-secret.ts';

const names = ['countersign.countersign-system.svc', '10.0.0.1'];
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const clock = { now: () => new Date() };
const title = 'Secret countersign-system/countersign-certificates';

let secret: FakeSecret;
let store: CertificateStore;
const opened: SecretCertificates[] = [];

beforeEach(async () => {
  secret = await fakeSecret();
  store = storeFor(names);
});
afterEach(async () => {
  for (const source of opened.splice(0)) source.close();
  await secret.close();
});

function storeFor(wanted: readonly string[]): CertificateStore {
  const place = { namespace: 'countersign-system', name: 'countersign-certificates' };
  return secretStore({ kubeConfig: secret.kubeConfig, ...place, names: wanted });
}

async function open(timing: { startMs?: number; repairMs?: number } = {}): Promise<Result<SecretCertificates, string>> {
  const made = await secretCertificates({ store, clock, log: silent }, title, {
    pollMs: 20,
    startMs: 5_000,
    repairMs: 60,
    ...timing,
  });
  if (made.ok) opened.push(made.value);
  return made;
}

async function openGood(): Promise<SecretCertificates> {
  const made = await open();
  if (!made.ok) throw new Error(made.failure);
  return made.value;
}

async function stored(): Promise<StoredCertificates> {
  const read = await store.read();
  if (!read.ok) throw new Error(read.failure.message);
  return read.value.stored;
}

describe('the first start', () => {
  test('of several replicas at once ends with one certificate, from one writer', async () => {
    const sources = await Promise.all([openGood(), openGood(), openGood()]);
    expect(new Set(sources.map((source) => source.current().cert)).size).toBe(1);
    expect(secret.data()['tls.crt']).toBe(sources[0]?.current().cert);
  });

  test('makes a certificate for every name, issued by the CA that is handed on', async () => {
    const { cert, ca = '' } = (await openGood()).current();
    const [x509, authority] = [new X509Certificate(cert), new X509Certificate(ca)];
    expect(x509.checkIssued(authority) && x509.verify(authority.publicKey)).toBe(true);
    expect(x509.checkHost('countersign.countersign-system.svc')).toBeDefined();
    expect(x509.checkIP('10.0.0.1')).toBeDefined();
  });

  test('fails with the reason when the API server is away all the time', async () => {
    secret.isAway = true;
    expect(await open({ startMs: 100 })).toMatchObject({ ok: false, failure: expect.stringContaining('answers 500') });
  });

  test('waits for an API server that comes', async () => {
    secret.isAway = true;
    const opening = open();
    setTimeout(() => {
      secret.isAway = false;
    }, 50);
    expect((await opening).ok).toBe(true);
  });
});

async function goodData(): Promise<Record<string, string>> {
  const authority = await makeAuthority(new Date());
  const serving = await issueServing(authority, names, new Date());
  return { 'tls.crt': serving.cert, 'tls.key': serving.key, 'ca.crt': authority.cert, 'ca.key': authority.key };
}

describe('what is in the Secret', () => {
  test('is used when it fits together, whoever made it', async () => {
    const data = await goodData();
    secret.set(data);
    expect((await openGood()).current()).toMatchObject({ cert: data['tls.crt'], key: data['tls.key'] });
    expect(secret.writes).toEqual([]);
  });

  test.each<[string, (data: Record<string, string>, other: Record<string, string>) => object, string]>([
    ['nothing', () => ({}), 'it has no tls.crt, tls.key, ca.crt, ca.key'],
    ['no key of the CA', (data) => ({ ...data, 'ca.key': '' }), 'it has no ca.key'],
    ['garbage', (data) => ({ ...data, 'tls.crt': '\u0000\u0001' }), 'tls.crt and tls.key'],
    ['half a certificate', (data) => ({ ...data, 'tls.crt': data['tls.crt']?.slice(0, 200) }), 'not valid PEM'],
    ['a key of another', (data, other) => ({ ...data, 'tls.key': other['tls.key'] }), 'the key does not belong'],
    ['a CA key of another', (data, other) => ({ ...data, 'ca.key': other['ca.key'] }), 'ca.crt and ca.key'],
    [
      'a certificate of another CA',
      (data, other) => ({ ...data, 'tls.crt': other['tls.crt'], 'tls.key': other['tls.key'] }),
      'was not issued by',
    ],
    ['a CA that is none', (data) => ({ ...data, 'ca.crt': data['tls.crt'] }), 'no certificate authority'],
    ['very many CAs', (data) => ({ ...data, 'ca.crt': data['ca.crt']?.repeat(9) }), 'more than 8'],
  ])('%s: damage that is named', async (_, damage, why) => {
    secret.set({ ...damage(await goodData(), await goodData()) });
    expect(await stored()).toMatchObject({ kind: 'damaged', why: expect.stringContaining(why) });
  });

  test('lacks a name: that is said, and it is used all the same', async () => {
    secret.set(await goodData());
    store = storeFor([...names, 'countersign.elsewhere.svc']);
    expect(await stored()).toMatchObject({ serving: { missingNames: ['countersign.elsewhere.svc'] } });
    expect((await open()).ok).toBe(true);
  });

  test('is damaged and nobody repairs it: a replica without a certificate does, after a while', async () => {
    secret.set({ 'tls.crt': 'garbage' });
    await openGood();
    expect(await stored()).toMatchObject({ kind: 'shared' });
    expect(secret.writes).toEqual(['PATCH']);
  });

  test("is somebody else's: it is neither used nor overwritten, and the way out is named", async () => {
    const data = await goodData();
    secret.set(data, { app: 'another' });
    const refused = await open({ startMs: 150 });
    expect(refused).toMatchObject({
      ok: false,
      failure: expect.stringMatching(/somebody else.*delete it, or give it/),
    });
    expect(secret.data()).toEqual(data);
    expect(await store.apply(await stored(), { kind: 'start over' }, new Date())).toEqual({ ok: true, value: false });
    expect(secret.writes).toEqual([]);
  });
});

describe('while it runs', () => {
  test('a new certificate is taken over, and said', async () => {
    const source = await openGood();
    let changes = 0;
    source.onChange(() => (changes += 1));
    const data = await goodData();
    secret.set(data);
    await source.look();
    expect(source.current().cert).toBe(data['tls.crt']);
    expect(changes).toBe(1);
    expect(source.warnings()).toEqual([]);
  });

  test.each<[string, () => void, RegExp]>([
    ['gone', () => secret.set(undefined), /it is gone/],
    ['damaged', () => secret.set({ 'tls.crt': 'x' }), /the leader replaces/],
    ["somebody else's", () => secret.set({}, {}), /neither used nor overwritten/],
    ['not to be read', () => (secret.isAway = true), /answers 500/],
  ])('a Secret that is %s: the certificate in use stays, with a warning', async (_, happens, warning) => {
    const source = await openGood();
    const before = source.current();
    happens();
    await source.look();
    expect(source.current()).toEqual(before);
    expect(source.warnings()).toEqual([expect.stringMatching(warning)]);
  });

  test('of two who write at once one is told that it was overtaken', async () => {
    await openGood();
    const before = await stored();
    const both = await Promise.all([
      store.apply(before, { kind: 'issue serving' }, new Date()),
      store.apply(before, { kind: 'add authority' }, new Date()),
    ]);
    expect(both.filter((result) => result.ok && result.value)).toHaveLength(1);
    expect(both.filter((result) => result.ok && !result.value)).toHaveLength(1);
  });

  test('starting over keeps what is presented, and who has signed it', async () => {
    const source = await openGood();
    const keep = source.shared();
    secret.set(undefined);
    await store.apply({ kind: 'absent' }, { kind: 'start over', keep }, new Date());
    const after = await stored();
    expect(after).toMatchObject({ kind: 'shared', serving: { id: keep.serving.id } });
    expect(after.kind === 'shared' && after.authorities.map(({ id }) => id)).toEqual([
      keep.authorities[0]?.id,
      expect.not.stringMatching(keep.authorities[0]?.id ?? ''),
    ]);
    expect(secret.data()['ca.key']).not.toBe(keep.authorityKey);
  });

  test("the API server's clock is told", async () => {
    await openGood();
    secret.skewMs = 3_600_000;
    const read = await store.read();
    const ahead = read.ok ? (read.value.serverTime ?? 0) - Date.now() : 0;
    expect(Math.abs(ahead - 3_600_000)).toBeLessThan(5_000);
  });
});
