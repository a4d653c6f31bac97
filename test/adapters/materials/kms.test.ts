import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { kmsPublicKeys } from '../../../src/adapters/materials/kms/public-key.ts';
import type { LookedUp } from '../../../src/adapters/materials/looked-up.ts';
import { localService, type LocalService, type Told } from '../cloud/local-service.ts';
import { signedBy } from '../cloud/signature-v4.ts';

const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey;
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
const ed25519 = generateKeyPairSync('ed25519').publicKey;
const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;

const pem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();
const der = (key: KeyObject): string => key.export({ type: 'spki', format: 'der' }).toString('base64');
const token = { access_token: 'token-1', expires_in: 3_600 };

async function look(env: Readonly<Record<string, string>>, uri: string, ms = 20_000): Promise<LookedUp> {
  return await kmsPublicKeys(env)(uri, AbortSignal.timeout(ms));
}

function isGone(found: LookedUp): boolean | undefined {
  return found.ok ? undefined : found.failure.isGone;
}

/** A service with one key, and what the four of them need to be asked. */
interface Provider {
  readonly name: string;
  readonly uri: (service: LocalService) => string;
  readonly env: (service: LocalService) => Readonly<Record<string, string>>;
  readonly answer: (key: KeyObject, path: string) => Told;
  /** Of a key that is not there. */
  readonly missing: Told;
  readonly keys: readonly KeyObject[];
}

const aws: Provider = {
  name: 'AWS',
  uri: () => 'awskms:///arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  env: ({ url }) => ({
    AWS_ACCESS_KEY_ID: 'AKIA1',
    AWS_SECRET_ACCESS_KEY: 'hush',
    AWS_SESSION_TOKEN: 'session',
    AWS_ENDPOINT_URL_KMS: url,
  }),
  answer: (key) => ({ body: { KeyId: 'x', KeyUsage: 'SIGN_VERIFY', PublicKey: der(key) } }),
  missing: { status: 400, body: { __type: 'NotFoundException', message: 'no such key' } },
  keys: [p256, p384, rsa, ed25519],
};

const google: Provider = {
  name: 'Google Cloud',
  uri: () => 'gcpkms://projects/p/locations/global/keyRings/r/cryptoKeys/k/versions/3',
  env: ({ url, host }) => ({ CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS: url, GCE_METADATA_HOST: host }),
  answer: (key, path) =>
    path.includes('computeMetadata') ? { body: token } : { body: { pem: pem(key), algorithm: 'EC_SIGN_P256_SHA256' } },
  missing: { status: 404, body: { error: { code: 404, status: 'NOT_FOUND', message: 'no such key' } } },
  keys: [p256, p384, rsa, ed25519],
};

const azure: Provider = {
  name: 'Azure',
  uri: ({ host }) => `azurekms://${host}/key-1/0123abc`,
  env: ({ url }) => ({ AZURE_KEYVAULT_URL: url, AZURE_POD_IDENTITY_AUTHORITY_HOST: url }),
  answer: (key, path) => {
    if (path.includes('oauth2')) return { body: token };
    const jwk = key.export({ format: 'jwk' });
    return { body: { key: { kid: 'x', ...jwk, kty: `${jwk.kty}-HSM` }, attributes: { enabled: true } } };
  },
  missing: { status: 404, body: { error: { code: 'KeyNotFound', message: 'no such key' } } },
  keys: [p256, p384, rsa],
};

const vault: Provider = {
  name: 'Vault',
  uri: () => 'hashivault://release-key',
  env: ({ url }) => ({ VAULT_ADDR: url, VAULT_TOKEN: 'token-1' }),
  answer: (key) => {
    const isEd25519 = key.asymmetricKeyType === 'ed25519';
    const written = isEd25519
      ? Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64')
      : pem(key);
    const old = { name: 'P-256', public_key: pem(p256) };
    const newest = { name: isEd25519 ? 'ed25519' : 'other', public_key: written };
    return { body: { data: { type: 'x', latest_version: 10, keys: { 9: old, 10: newest } } } };
  },
  missing: { status: 404, body: { errors: [] } },
  keys: [p256, p384, rsa, ed25519],
};

describe.each([aws, google, azure, vault])('$name', (provider) => {
  const start = (answer: (path: string) => Told | 'nothing') => localService(({ url }) => answer(url.pathname));
  const whenAsked = (told: Told | 'nothing') => (path: string) =>
    /computeMetadata|oauth2/.test(path) ? provider.answer(p256, path) : told;

  test.each(provider.keys)('gives the public key', async (key) => {
    const service = await start((path) => provider.answer(key, path));
    const found = await look(provider.env(service), provider.uri(service));
    expect(found.ok && createPublicKey(found.value).equals(key)).toBe(true);
  });

  test('gives the new key after a rotation', async () => {
    const service = await start((path) => provider.answer(p256, path));
    const fetch = kmsPublicKeys(provider.env(service));
    await fetch(provider.uri(service), AbortSignal.timeout(20_000));
    service.answer = ({ url }) => provider.answer(rsa, url.pathname);
    const found = await fetch(provider.uri(service), AbortSignal.timeout(20_000));
    expect(found.ok && createPublicKey(found.value).equals(rsa)).toBe(true);
  });

  test('says that a key is gone when the service says so', async () => {
    const service = await start(whenAsked(provider.missing));
    expect(isGone(await look(provider.env(service), provider.uri(service)))).toBe(true);
  });

  test.each([
    ['an error', { status: 503, body: { message: 'later' } }],
    ['no permission', { status: 403, body: { message: 'no' } }],
    ['nonsense', { body: 'nonsense' }],
    ['nothing', { body: {} }],
    ['a web page', { body: '<html>login</html>', headers: { 'content-type': 'text/html' } }],
    ['a redirect to the metadata service', { status: 302, headers: { location: 'http://169.254.169.254/' } }],
    ['two megabytes', { body: JSON.stringify({ pem: 'x'.repeat(2_000_000) }) }],
  ] as const)('gives no key when the service answers with %s', async (_what, told) => {
    const service = await start(whenAsked(told));
    const found = await look(provider.env(service), provider.uri(service));
    expect(found.ok).toBe(false);
    expect(isGone(found)).toBe(false);
    expect(JSON.stringify(found)).not.toMatch(/hush|token-1|session/);
  });

  test('gives no key that is too weak', async () => {
    const service = await start((path) => provider.answer(weak, path));
    const found = await look(provider.env(service), provider.uri(service));
    expect(found).toMatchObject({ ok: false, failure: { problem: 'RSA keys need at least 2048 bits' } });
  });

  test('does not wait for a service that hangs', async () => {
    const service = await start(whenAsked('nothing'));
    const began = performance.now();
    const found = await look(provider.env(service), provider.uri(service), 300);
    expect(found).toMatchObject({
      ok: false,
      failure: { isGone: false, problem: expect.stringContaining('did not answer in time') },
    });
    // An exchange has ten seconds when its caller has more.
    expect(performance.now() - began).toBeLessThan(9_000);
  });
});

test('AWS is asked once, with a signature that fits', async () => {
  const service = await localService(() => aws.answer(p256, ''));
  await look(aws.env(service), aws.uri(service));
  const [asked, ...others] = service.received;
  expect(others).toEqual([]);
  expect(asked && signedBy(asked, () => 'hush')).toEqual({ accessKeyId: 'AKIA1', region: 'eu-west-1', service: 'kms' });
  expect(asked && signedBy(asked, () => 'another')).toBeUndefined();
  expect(asked && signedBy({ ...asked, body: `${asked.body} ` }, () => 'hush')).toBeUndefined();
  expect(asked?.headers).toMatchObject({
    'x-amz-target': 'TrentService.GetPublicKey',
    'x-amz-security-token': 'session',
  });
  expect(JSON.parse(asked?.body ?? '')).toEqual({
    KeyId: 'arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  });
});

test('an endpoint in the URI is the one that was named, or is not on this machine', async () => {
  const service = await localService(() => aws.answer(p256, ''));
  const uri = `awskms://${service.host}/arn:aws:kms:eu-west-1:111122223333:alias/release`;
  expect((await look(aws.env(service), uri)).ok).toBe(true);
  const { AWS_ENDPOINT_URL_KMS: _named, ...unnamed } = aws.env(service);
  expect(await look(unnamed, uri)).toMatchObject({
    ok: false,
    failure: { problem: expect.stringContaining('belongs to this machine') },
  });
  expect(service.received).toHaveLength(1);
});

test('a key of AWS that is for encryption is none', async () => {
  const service = await localService(() => ({ body: { KeyUsage: 'ENCRYPT_DECRYPT', PublicKey: der(rsa) } }));
  expect(isGone(await look(aws.env(service), aws.uri(service)))).toBe(true);
});

test.each(['DisabledException', 'KMSInvalidStateException', 'com.amazonaws.kms#NotFoundException'])(
  'AWS says %s: the key is gone',
  async (type) => {
    const service = await localService(() => ({ status: 400, body: { __type: type } }));
    expect(isGone(await look(aws.env(service), aws.uri(service)))).toBe(true);
  },
);

test('of several versions in Google Cloud the enabled one with the greatest number counts', async () => {
  const name = 'projects/p/locations/l/keyRings/r/cryptoKeys/k';
  const version = (number: number, state: string) => ({ name: `${name}/cryptoKeyVersions/${number}`, state });
  const versions = [version(9, 'ENABLED'), version(10, 'ENABLED'), version(11, 'DISABLED')];
  const service = await localService(({ url: { pathname } }) =>
    pathname.endsWith('/cryptoKeyVersions') ? { body: { cryptoKeyVersions: versions } } : google.answer(p384, pathname),
  );
  expect((await look(google.env(service), `gcpkms://${name}`)).ok).toBe(true);
  expect(service.received.at(-1)?.url.pathname).toBe(`/v1/${name}/cryptoKeyVersions/10/publicKey`);
  expect(service.received.at(-1)?.headers.authorization).toBe('Bearer token-1');
  service.answer = ({ url: { pathname } }) =>
    pathname.includes('Metadata') ? { body: token } : { body: { cryptoKeyVersions: versions.slice(2) } };
  expect(isGone(await look(google.env(service), `gcpkms://${name}`))).toBe(true);
});

test('the token of Azure goes to no other host than one of Azure', async () => {
  const service = await localService(({ url }) => azure.answer(p256, url.pathname));
  for (const host of [
    'evil.example',
    'vault.azure.net.evil.example',
    'evilvault.azure.net',
    'x@evil.example',
    'evil.example:443',
  ]) {
    expect(isGone(await look(azure.env(service), `azurekms://${host}/key`))).toBe(true);
  }
  expect(service.received).toEqual([]);
});

test('a disabled key of Azure is gone', async () => {
  const jwk = p256.export({ format: 'jwk' });
  const service = await localService(({ url }) =>
    url.pathname.includes('oauth2') ? { body: token } : { body: { key: jwk, attributes: { enabled: false } } },
  );
  expect(isGone(await look(azure.env(service), azure.uri(service)))).toBe(true);
  expect(service.received.at(-1)?.url.href).toContain('/keys/key-1/0123abc?api-version=7.4');
});

test('Vault is logged in to with the token of the service account, once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'jwt'), 'jwt-of-pod\n');
  const service = await localService(({ url: { pathname }, headers }) => {
    if (pathname === '/v1/auth/k8s/login')
      return { body: { auth: { client_token: 'login-1', lease_duration: 3_600 } } };
    return headers['x-vault-token'] === 'login-1' ? vault.answer(p256, pathname) : { status: 403 };
  });
  const env = {
    VAULT_ADDR: service.url,
    VAULT_NAMESPACE: 'team',
    VAULT_KUBERNETES_ROLE: 'countersign',
    VAULT_KUBERNETES_MOUNT: 'k8s',
    VAULT_KUBERNETES_TOKEN_FILE: join(folder, 'jwt'),
    TRANSIT_SECRET_ENGINE_PATH: 'teams/transit',
  };
  const fetch = kmsPublicKeys(env);
  const signal = AbortSignal.timeout(20_000);
  const found = [await fetch('hashivault://k', signal), await fetch('hashivault://k', signal)];
  expect(found.map(({ ok }) => ok)).toEqual([true, true]);
  expect(service.received.map(({ url }) => url.pathname)).toEqual([
    '/v1/auth/k8s/login',
    '/v1/teams/transit/keys/k',
    '/v1/teams/transit/keys/k',
  ]);
  expect(service.received.map(({ headers }) => headers['x-vault-namespace'])).toEqual(['team', 'team', 'team']);
  expect(JSON.parse(service.received[0]?.body ?? '')).toEqual({ role: 'countersign', jwt: 'jwt-of-pod' });
});

test('a key of Vault without a public part is the wrong one', async () => {
  const keys = { 1: { name: 'aes256-gcm96' } };
  const service = await localService(() => ({ body: { data: { latest_version: 1, keys } } }));
  expect(isGone(await look(vault.env(service), vault.uri(service)))).toBe(true);
});

test.each([
  ['awskms://', aws],
  ['awskms://alias/x', aws],
  ['awskms:///arn:aws:kms:eu-west-1:111122223333:key/../../x?y', aws],
  ['gcpkms://projects/p/locations/l/keyRings/../cryptoKeys/k', google],
  ['gcpkms://projects/p/locations/l/keyRings/%2e%2E/cryptoKeys/k', google],
  ['gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k/versions/x', google],
  ['gcpkms://projects/p?x=/locations/l/keyRings/r/cryptoKeys/k', google],
  ['azurekms://vault.vault.azure.net', azure],
  ['azurekms://vault.vault.azure.net/a/b/c', azure],
  ['hashivault://a/b', vault],
  ['hashivault://..', vault],
  ['k8s://ns/secret', vault],
])('%s is refused before anything is sent', async (uri, provider) => {
  const service = await localService(() => ({ body: token }));
  const found = await look(provider.env(service), uri);
  expect(isGone(found)).toBe(true);
  expect(service.received).toEqual([]);
});

test('a version that is an object with a toString of its own is no version', async () => {
  const body = { data: { latest_version: { toString: 1, valueOf: 1 }, keys: {} } };
  const service = await localService(() => ({ body }));
  expect(await look(vault.env(service), vault.uri(service))).toMatchObject({
    ok: false,
    failure: { problem: 'Vault answered without the key', isGone: false },
  });
});

test.each([
  ['hashivault://k', {}, 'VAULT_ADDR does not hold the address of Vault'],
  ['hashivault://k', { VAULT_ADDR: 'http://127.0.0.1:1' }, 'set VAULT_TOKEN, or VAULT_KUBERNETES_ROLE for a login'],
  ['awskms:///alias/x', {}, 'set AWS_REGION'],
])('%s without what it needs names the way out', async (uri, env, sentence) => {
  expect(await look(env, uri)).toMatchObject({ ok: false, failure: { problem: expect.stringContaining(sentence) } });
});
