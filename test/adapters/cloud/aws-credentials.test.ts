import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { awsCredentials, awsEndpoint } from '../../../src/adapters/cloud/aws-credentials.ts';
import { localService } from './local-service.ts';

const signal = AbortSignal.timeout(20_000);

async function file(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'token');
  await writeFile(path, text);
  return path;
}

const temporary = { AccessKeyId: 'ASIA1', SecretAccessKey: 'secret', Expiration: '2099-01-01T00:00:00Z' };

test('credentials of the environment go before everything else', async () => {
  const env = {
    AWS_ACCESS_KEY_ID: 'AKIA1',
    AWS_SECRET_ACCESS_KEY: 's',
    AWS_ROLE_ARN: 'r',
    AWS_WEB_IDENTITY_TOKEN_FILE: '/none',
  };
  expect(await awsCredentials(env)(signal)).toEqual({
    ok: true,
    value: { accessKeyId: 'AKIA1', secretAccessKey: 's' },
  });
});

test('a web identity token becomes credentials of the role, once for all who ask', async () => {
  const sts = await localService(() => ({
    body: {
      AssumeRoleWithWebIdentityResponse: {
        AssumeRoleWithWebIdentityResult: {
          Credentials: { ...temporary, SessionToken: 'session', Expiration: 4_070_908_800 },
        },
      },
    },
  }));
  const source = awsCredentials({
    AWS_WEB_IDENTITY_TOKEN_FILE: await file('jwt\n'),
    AWS_ROLE_ARN: 'arn:aws:iam::1:role/r',
    AWS_ENDPOINT_URL_STS: sts.url,
  });
  const answers = await Promise.all([source(signal), source(signal), source(signal)]);
  expect(answers[2]).toEqual({
    ok: true,
    value: { accessKeyId: 'ASIA1', secretAccessKey: 'secret', sessionToken: 'session' },
  });
  expect(sts.received).toHaveLength(1);
  expect(Object.fromEntries(new URLSearchParams(sts.received[0]?.body))).toEqual({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: 'arn:aws:iam::1:role/r',
    RoleSessionName: 'countersign',
    WebIdentityToken: 'jwt',
  });
});

test('credentials that end soon are fetched again', async () => {
  const soon = new Date(Date.now() + 60_000).toISOString();
  const container = await localService(() => ({ body: { ...temporary, Token: 't', Expiration: soon } }));
  const source = awsCredentials({
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${container.url}v1`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: 'a',
  });
  await source(signal);
  // An outage of the service does not end what still has some time left.
  container.answer = () => ({ status: 500 });
  expect(await source(signal)).toMatchObject({ ok: true });
  expect(container.received.map(({ headers }) => headers.authorization)).toEqual(['a', 'a']);
});

test('the role of the machine is asked for with a session token of the metadata service', async () => {
  const metadata = await localService(({ method, url, headers }) => {
    if (method === 'PUT') return { body: 'imds' };
    if (headers['x-aws-ec2-metadata-token'] !== 'imds') return { status: 401 };
    return url.pathname.endsWith('/') ? { body: 'node-role' } : { body: { ...temporary, Token: 'of node' } };
  });
  const found = await awsCredentials({ AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url })(signal);
  expect(found).toMatchObject({ ok: true, value: { sessionToken: 'of node' } });
  expect(metadata.received.map(({ url }) => url.pathname).at(-1)).toBe(
    '/latest/meta-data/iam/security-credentials/node-role',
  );
});

test('without any credentials the way out is named, and the metadata service is left alone when it is switched off', async () => {
  const found = await awsCredentials({ AWS_EC2_METADATA_DISABLED: 'true' })(signal);
  expect(found).toEqual({
    ok: false,
    failure:
      'there are no credentials for AWS: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the service account a role',
  });
});

test.each([
  ['no JSON', { body: 'oops' }, 'did not answer with a JSON object'],
  [
    'an error',
    { status: 403, body: { Error: { Code: 'AccessDenied', Message: 'not you' } } },
    'answered 403 (AccessDenied: not you)',
  ],
  ['no credentials', { body: {} }, 'answered without credentials'],
  ['too much', { body: 'x'.repeat(100_000) }, 'answered with more than 65536 bytes'],
  ['a redirect', { status: 302, headers: { location: 'http://169.254.169.254/' } }, 'answered 302'],
])('a token service that answers with %s gives no credentials', async (_what, told, sentence) => {
  const sts = await localService(() => told);
  const source = awsCredentials({
    AWS_WEB_IDENTITY_TOKEN_FILE: await file('very-secret-jwt'),
    AWS_ROLE_ARN: 'r',
    AWS_ENDPOINT_URL_STS: sts.url,
  });
  const found = await source(signal);
  expect(found).toMatchObject({ ok: false, failure: expect.stringContaining(sentence) });
  expect(JSON.stringify(found)).not.toContain('very-secret-jwt');
  expect(sts.received).toHaveLength(1);
});

test('whoever asked gives up in time, and the others still get theirs', async () => {
  const slow = await localService(() => 'nothing');
  const source = awsCredentials({ AWS_CONTAINER_CREDENTIALS_FULL_URI: slow.url });
  const began = performance.now();
  expect(await source(AbortSignal.timeout(50))).toMatchObject({ ok: false });
  // An exchange has ten seconds when its caller has more.
  expect(performance.now() - began).toBeLessThan(9_000);
});

test.each([
  ['us-east-1', 'https://kms.us-east-1.amazonaws.com/'],
  ['cn-north-1', 'https://kms.cn-north-1.amazonaws.com.cn/'],
  ['us-gov-west-1', 'https://kms.us-gov-west-1.amazonaws.com/'],
  ['evil.example/', undefined],
  ['x@y', undefined],
])('region %s has the endpoint %s', (region, url) => {
  expect(awsEndpoint({}, 'kms', region)?.url.href).toBe(url);
});
