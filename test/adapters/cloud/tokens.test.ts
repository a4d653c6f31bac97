import { generateKeyPairSync, verify } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { azureAccessToken } from '../../../src/adapters/cloud/azure-token.ts';
import { exchange } from '../../../src/adapters/cloud/exchange.ts';
import { googleAccessToken } from '../../../src/adapters/cloud/google-token.ts';
import { localService } from './local-service.ts';

const signal = AbortSignal.timeout(20_000);
const token = { access_token: 'token-1', expires_in: 3_600 };

async function file(content: unknown): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'file');
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

test('the metadata server of Google Cloud gives a token, which is kept', async () => {
  const metadata = await localService(({ headers }) =>
    headers['metadata-flavor'] === 'Google' ? { body: token } : { status: 403 },
  );
  const source = googleAccessToken({ GCE_METADATA_HOST: metadata.host });
  expect(await source(signal)).toEqual({ ok: true, value: 'token-1' });
  expect(await source(signal)).toEqual({ ok: true, value: 'token-1' });
  expect(metadata.received.map(({ url }) => url.pathname)).toEqual([
    '/computeMetadata/v1/instance/service-accounts/default/token',
  ]);
});

test('the key of a service account signs for a token', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const service = await localService(() => ({ body: token }));
  const key = {
    type: 'service_account',
    client_email: 'me@project.iam.gserviceaccount.com',
    private_key_id: 'k1',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    token_uri: `${service.url}token`,
  };
  const source = googleAccessToken({ GOOGLE_APPLICATION_CREDENTIALS: await file(key) });
  expect(await source(signal)).toEqual({ ok: true, value: 'token-1' });
  const form = new URLSearchParams(service.received[0]?.body);
  const [header = '', claims = '', signature = ''] = form.get('assertion')?.split('.') ?? [];
  expect(verify('RSA-SHA256', Buffer.from(`${header}.${claims}`), publicKey, Buffer.from(signature, 'base64url'))).toBe(
    true,
  );
  expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
    iss: 'me@project.iam.gserviceaccount.com',
    aud: `${service.url}token`,
    scope: 'https://www.googleapis.com/auth/cloud-platform',
  });
});

test('a federated identity is exchanged, and then that of a service account taken', async () => {
  const service = await localService(({ url }) =>
    url.pathname === '/sts'
      ? { body: { ...token, access_token: 'federated' } }
      : { body: { accessToken: 'own', expireTime: '2099-01-01T00:00:00Z' } },
  );
  const config = {
    type: 'external_account',
    audience: '//iam.googleapis.com/pool',
    token_url: `${service.url}sts`,
    service_account_impersonation_url: `${service.url}impersonate`,
    credential_source: { file: await file({ id: 'jwt' }), format: { type: 'json', subject_token_field_name: 'id' } },
  };
  const source = googleAccessToken({ GOOGLE_APPLICATION_CREDENTIALS: await file(config) });
  expect(await source(signal)).toEqual({ ok: true, value: 'own' });
  expect(new URLSearchParams(service.received[0]?.body).get('subject_token')).toBe('jwt');
  expect(service.received[1]?.headers.authorization).toBe('Bearer federated');
});

test.each([
  ['no JSON', 'nonsense', 'holds no JSON object'],
  ['a person', { type: 'authorized_user' }, 'credentials of type "authorized_user"'],
  ['an account without a key', { type: 'service_account', client_email: 'a' }, 'lacks client_email, private_key'],
  ['a broken key', { type: 'service_account', client_email: 'a', private_key: 'x' }, 'is no RSA key'],
  [
    'a federation that runs a program',
    { type: 'external_account', audience: 'a', credential_source: { executable: {} } },
    'only those with credential_source.file',
  ],
])('a credentials file of Google with %s gives no token', async (_what, content, sentence) => {
  const source = googleAccessToken({ GOOGLE_APPLICATION_CREDENTIALS: await file(content) });
  expect(await source(signal)).toMatchObject({ ok: false, failure: expect.stringContaining(sentence) });
});

test('workload identity of Azure proves itself with the token of the service account', async () => {
  const entra = await localService(() => ({ body: token }));
  const source = azureAccessToken({
    AZURE_AUTHORITY_HOST: entra.url,
    AZURE_TENANT_ID: 'tenant',
    AZURE_CLIENT_ID: 'client',
    AZURE_FEDERATED_TOKEN_FILE: await file('jwt'),
  });
  const scopes = ['https://vault.azure.net/.default', 'https://containerregistry.azure.net/.default'];
  for (const scope of [...scopes, ...scopes])
    expect(await source(scope, signal)).toEqual({ ok: true, value: 'token-1' });
  expect(entra.received.map(({ url }) => url.pathname)).toEqual([
    '/tenant/oauth2/v2.0/token',
    '/tenant/oauth2/v2.0/token',
  ]);
  expect(Object.fromEntries(new URLSearchParams(entra.received[0]?.body))).toEqual({
    grant_type: 'client_credentials',
    client_id: 'client',
    scope: scopes[0],
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: 'jwt',
  });
});

test('a client secret of Azure becomes a token, and is in no sentence', async () => {
  const entra = await localService(() => ({ body: token }));
  const env = {
    AZURE_AUTHORITY_HOST: entra.url,
    AZURE_TENANT_ID: 't',
    AZURE_CLIENT_ID: 'c',
    AZURE_CLIENT_SECRET: 'hush',
  };
  expect(await azureAccessToken(env)('s/.default', signal)).toEqual({ ok: true, value: 'token-1' });
  expect(new URLSearchParams(entra.received[0]?.body).get('client_secret')).toBe('hush');
  entra.answer = () => ({ status: 401, body: { error: 'invalid_client', error_description: 'AADSTS7000215' } });
  const refused = await azureAccessToken(env)('s/.default', signal);
  expect(refused).toMatchObject({
    ok: false,
    failure: expect.stringContaining('answered 401 (invalid_client: AADSTS7000215)'),
  });
  expect(JSON.stringify(refused)).not.toContain('hush');
});

test('a managed identity of Azure comes from the metadata service', async () => {
  const metadata = await localService(({ headers }) =>
    headers['metadata'] === 'true' ? { body: { ...token, expires_in: '3600' } } : { status: 400 },
  );
  const source = azureAccessToken({ AZURE_POD_IDENTITY_AUTHORITY_HOST: metadata.url });
  expect(await source('https://vault.azure.net/.default', signal)).toEqual({ ok: true, value: 'token-1' });
  expect(metadata.received[0]?.url.searchParams.get('resource')).toBe('https://vault.azure.net');
});

test.each([
  ['http://example.com/', 'only HTTPS is spoken with it'],
  ['https://127.0.0.1:1/', 'belongs to this machine or to a metadata service'],
  ['https://169.254.169.254/', 'belongs to this machine or to a metadata service'],
  ['https://[::1]/', 'belongs to this machine or to a metadata service'],
  ['https://localhost:1/', 'belongs to this machine or to a metadata service'],
])('nothing is sent to %s, which nobody named', async (url, sentence) => {
  const got = await exchange({ what: 'it', url: new URL(url), place: 'public' }, signal);
  expect(got).toMatchObject({ ok: false, failure: expect.stringContaining(sentence) });
});
