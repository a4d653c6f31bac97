import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { alwaysChallenge, hang, status } from '../../../src/demo/registry/faults.ts';
import { pushImage } from '../../../src/demo/registry/images.ts';
import type { Fault } from '../../../src/demo/registry/serve.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { CallOptions } from '../../../src/ports/registry.ts';
import { issue, makeAuthority } from '../../cluster/certificates.ts';
import { localService, type LocalService, type Received, type Told } from '../cloud/local-service.ts';
import { signedBy } from '../cloud/signature-v4.ts';
import { as, codeOf, connect, known, messageOf, serve } from './bench.ts';
import { registryFile, write } from './files.ts';
import { openProxy } from './proxy.ts';

const ecr = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
const gar = 'europe-west1-docker.pkg.dev';
const acr = 'team.azurecr.io';
const keys = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret key' };
const entra = { AZURE_TENANT_ID: 'tenant', AZURE_CLIENT_ID: 'client', AZURE_CLIENT_SECRET: 'client secret' };

interface Scene {
  readonly host: string;
  /** Who may pull. */
  readonly username: string;
  readonly password: string;
  readonly env: Readonly<Record<string, string>>;
  readonly settings?: string;
}

/** A registry by a real cloud's name, for which a proxy leads to this machine. */
async function open({ host, username, password, env, settings = '' }: Scene) {
  const authority = await makeAuthority();
  const tls = await issue(authority, { commonName: 'registry', names: [host] });
  const demo = await serve({ tls, access: { kind: 'basic', username, password } });
  const image = pushImage(demo, { repository: 'app', tag: '1.0' });
  const proxy = await openProxy({ to: () => demo.host });
  const { ca } = write({ ca: authority.cert });
  const file = registryFile(`registries: [{ host: "${host}", ca: ${ca}, proxy: "${proxy.url.origin}"${settings} }]`);
  const client = connect({ file, env });
  const resolve = (options: CallOptions = as()) =>
    client.resolve({ registry: host, repository: 'app' }, '1.0', options);
  return { demo, image, resolve };
}

function ecrToken(password: string, seconds = 12 * 3_600): Told {
  const authorizationToken = Buffer.from(`AWS:${password}`).toString('base64');
  return { body: { authorizationData: [{ authorizationToken, expiresAt: Date.now() / 1_000 + seconds }] } };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('Amazon ECR', () => {
  let service: LocalService;
  let told: (request: Received) => Told | 'nothing';

  beforeEach(async () => {
    told = () => ecrToken('from ECR');
    service = await localService((request) => told(request));
  });

  const scene = (more: Partial<Scene> = {}) =>
    open({
      host: ecr,
      username: 'AWS',
      password: 'from ECR',
      env: { ...keys, AWS_ENDPOINT_URL_ECR: service.url },
      ...more,
    });

  test('is read with a token that a signed call gets, in the region of its name', async () => {
    const { resolve, image } = await scene();
    expect(await resolve()).toEqual(ok(image.digest));
    const [request] = service.received;
    expect(request?.headers['x-amz-target']).toBe('AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken');
    expect(request === undefined ? undefined : signedBy(request, () => keys.AWS_SECRET_ACCESS_KEY)).toEqual({
      accessKeyId: keys.AWS_ACCESS_KEY_ID,
      region: 'eu-west-1',
      service: 'ecr',
    });
  });

  test('is asked for a token once in its life', async () => {
    const { resolve, demo } = await scene();
    await resolve();
    demo.inject(/HEAD/, alwaysChallenge('Basic realm="x"'), 1);
    expect((await resolve()).ok).toBe(true);
    expect(service.received).toHaveLength(1);
  });

  test('is asked anew when the token is about to expire', async () => {
    told = () => ecrToken('from ECR', 30);
    const { resolve, demo } = await scene();
    await resolve();
    demo.inject(/HEAD/, alwaysChallenge('Basic realm="x"'), 1);
    expect((await resolve()).ok).toBe(true);
    expect(service.received).toHaveLength(2);
  });

  test("comes after the workload's own secret", async () => {
    const { resolve } = await scene();
    const answer = await resolve(as(known));
    expect(codeOf(answer)).toBe('REGISTRY_DENIED');
    expect(messageOf(answer)).toContain('(tried: the pull secret or --docker-config)');
    expect(service.received).toEqual([]);
  });

  test.each([
    [
      'refuses',
      { status: 400, body: { __type: 'AccessDeniedException', message: 'not you' } },
      'AccessDeniedException: not you',
    ],
    ['sends no token', { body: { authorizationData: [] } }, 'answered without a token'],
    [
      'sends something else than a token',
      { body: { authorizationData: [{ authorizationToken: 'eA==', expiresAt: 1 }] } },
      'answered without a token',
    ],
    ['sends no JSON', { body: '<html>' }, 'did not answer with a JSON object'],
    ['is broken', { status: 500 }, 'answered 500'],
  ])('says which identity was tried when its token service %s', async (_name, answer, expected) => {
    told = () => answer;
    const { resolve } = await scene();
    const refused = await resolve();
    expect(codeOf(refused)).toBe('REGISTRY_DENIED');
    expect(messageOf(refused)).toContain('the identity in AWS (ECR) could not be used: ');
    expect(messageOf(refused)).toContain(expected);
    expect(messageOf(refused)).not.toContain(keys.AWS_SECRET_ACCESS_KEY);
  });

  test('does not keep public images waiting for a token service that hangs, and for a minute nobody asks it', async () => {
    told = () => 'nothing';
    const { resolve } = await scene();
    expect(messageOf(await resolve())).toContain('the identity in AWS (ECR) could not be used');
    expect(codeOf(await resolve())).toBe('REGISTRY_DENIED');
    expect(service.received).toHaveLength(1);
  });

  test('is used as soon as it is there, when it was only slow', async () => {
    told = () => ({ ...ecrToken('from ECR'), afterMs: 2_500 });
    const { resolve, image } = await scene();
    expect(codeOf(await resolve())).toBe('REGISTRY_DENIED');
    await vi.waitFor(async () => expect(await resolve()).toEqual(ok(image.digest)), { timeout: 10_000 });
    expect(service.received).toHaveLength(1);
  });

  test('is not given up for everybody when one caller had no time left', async () => {
    told = () => ({ ...ecrToken('from ECR'), afterMs: 1_000 });
    const { resolve, image } = await scene();
    expect((await resolve(as(undefined, 400))).ok).toBe(false);
    expect(await resolve()).toEqual(ok(image.digest));
  });

  test('is waited for where the file demands the identity', async () => {
    told = () => 'nothing';
    const { resolve, demo } = await scene({ settings: ', identity: ecr' });
    expect(codeOf(await resolve(as(undefined, 500)))).toBe('REGISTRY_TIMEOUT');
    expect(demo.requests().total).toBe(1);
  });

  test('is refused with the reason where the file demands an identity that is not there', async () => {
    told = () => ({ status: 403 });
    const { resolve, demo } = await scene({ settings: ', identity: ecr' });
    const answer = await resolve();
    expect(codeOf(answer)).toBe('REGISTRY_DENIED');
    expect(messageOf(answer)).toContain(`registry ${ecr} was not asked: the identity in AWS (ECR) could not be used`);
    expect(demo.requests().total).toBe(1);
  });

  test('that does not take its own token is denied, and gets another one after a minute', async () => {
    told = () => ecrToken('revoked');
    const { resolve, image } = await scene();
    const answer = await resolve();
    expect(codeOf(answer)).toBe('REGISTRY_DENIED');
    expect(messageOf(answer)).toContain('(tried: the identity in AWS (ECR))');
    expect(messageOf(answer)).not.toContain('revoked');
    await resolve();
    expect(service.received).toHaveLength(1);
    told = () => ecrToken('from ECR');
    const now = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => now() + 61_000);
    await resolve();
    expect(await resolve()).toEqual(ok(image.digest));
  });

  test.each([
    ['identity: none', { settings: ', identity: none' }],
    ['a name that only looks like it', { host: `${ecr}.attacker.example` }],
    ['another account form', { host: 'evil.dkr.ecr.eu-west-1.amazonaws.com' }],
    ['a host of somebody else', { host: 'attacker.example' }],
  ])('no token is even asked for with %s', async (_name, more) => {
    const { resolve, demo } = await scene(more);
    const answer = await resolve();
    expect(codeOf(answer)).toBe('REGISTRY_DENIED');
    expect(messageOf(answer)).toContain('(tried: no credentials)');
    expect(service.received).toEqual([]);
    expect(demo.log().map(({ authorized }) => authorized)).toEqual([false]);
  });

  test('behind a name of its own needs a region, and to be told', async () => {
    const host = 'images.corp.example';
    const env = { ...keys, AWS_ENDPOINT_URL_ECR: service.url };
    const without = await scene({ host, settings: ', identity: ecr' });
    expect(messageOf(await without.resolve())).toContain('AWS_REGION is not set');
    const withRegion = await scene({ host, settings: ', identity: ecr', env: { ...env, AWS_REGION: 'eu-west-1' } });
    expect(await withRegion.resolve()).toEqual(ok(withRegion.image.digest));
  });

  test('Public is asked for a token of its own where the file demands it', async () => {
    told = ({ headers }) => {
      const isPublic = headers['x-amz-target'] === 'SpencerFrontendService.GetAuthorizationToken';
      const authorizationToken = Buffer.from('AWS:public').toString('base64');
      const authorizationData = { authorizationToken, expiresAt: Date.now() / 1_000 + 3_600 };
      return isPublic ? { body: { authorizationData } } : { status: 400 };
    };
    const { resolve, image } = await scene({ host: 'public.ecr.aws', password: 'public', settings: ', identity: ecr' });
    expect(await resolve()).toEqual(ok(image.digest));
  });
});

test('a cloud is never asked for a registry with plain HTTP', async () => {
  const service = await localService(() => ecrToken('x'));
  const demo = await serve({ access: { kind: 'basic', username: 'AWS', password: 'x' } });
  const client = connect({ insecure: [demo.host], env: { ...keys, AWS_ENDPOINT_URL_ECR: service.url } });
  expect(codeOf(await client.resolve({ registry: demo.host, repository: 'app' }, '1.0', as()))).toBe('REGISTRY_DENIED');
  expect(service.received).toEqual([]);
});

describe('Google Artifact Registry', () => {
  const scene = (service: LocalService, more: Partial<Scene> = {}) =>
    open({
      host: gar,
      username: 'oauth2accesstoken',
      password: 'ya29.token',
      env: { GCE_METADATA_HOST: service.host },
      ...more,
    });

  test.each([gar, 'gcr.io', 'eu.gcr.io'])('%s is read with the token of the metadata server', async (host) => {
    const service = await localService(() => ({ body: { access_token: 'ya29.token', expires_in: 3_599 } }));
    const { resolve, image } = await scene(service, { host });
    expect(await resolve()).toEqual(ok(image.digest));
    expect(service.received[0]?.headers['metadata-flavor']).toBe('Google');
  });

  test.each([
    ['a machine without an account', { status: 404 } as const],
    ['no token', { body: {} } as const],
    ['a metadata server that hangs', 'nothing' as const],
  ])('%s: public images go on, the others are denied with the reason', async (_name, told) => {
    const service = await localService(() => told);
    const { resolve, demo, image } = await scene(service);
    const answer = await resolve();
    expect(codeOf(answer)).toBe('REGISTRY_DENIED');
    expect(messageOf(answer)).toContain('the identity in Google Cloud (GAR) could not be used');
    demo.inject(/HEAD/, status(200, '', { 'docker-content-digest': image.digest }));
    expect(await resolve()).toEqual(ok(image.digest));
  });

  test.each(['gcr.io.attacker.example', 'attackerdocker.pkg.dev', 'notgcr.io'])('%s gets nothing', async (host) => {
    const service = await localService(() => ({ body: { access_token: 'ya29.token', expires_in: 3_599 } }));
    const { resolve } = await scene(service, { host });
    expect(codeOf(await resolve())).toBe('REGISTRY_DENIED');
    expect(service.received).toEqual([]);
  });
});

describe('Azure Container Registry', () => {
  const user = '00000000-0000-0000-0000-000000000000';
  const token = (): Told => ({ body: { access_token: 'aad', expires_in: 3_600 } });

  async function scene(exchange: Fault, told: () => Told | 'nothing' = token, host = acr) {
    const service = await localService(told);
    const env = { ...entra, AZURE_AUTHORITY_HOST: service.url };
    const opened = await open({ host, username: user, password: 'refresh', env });
    opened.demo.inject(/oauth2\/exchange/, exchange);
    return { ...opened, service };
  }

  /** Gives a refresh token for the right form. */
  function exchanging(forms: URLSearchParams[]): Fault {
    return async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      forms.push(form);
      response.writeHead(form.get('access_token') === 'aad' ? 200 : 401).end('{"refresh_token":"refresh"}');
    };
  }

  test.each([acr, 'team.azurecr.cn', 'team.azurecr.us'])(
    "%s exchanges Entra's token for one of its own",
    async (host) => {
      const forms: URLSearchParams[] = [];
      const { resolve, image, service } = await scene(exchanging(forms), token, host);
      expect(await resolve()).toEqual(ok(image.digest));
      expect(forms.map((form) => Object.fromEntries(form))).toEqual([
        { grant_type: 'access_token', service: host, tenant: 'tenant', access_token: 'aad' },
      ]);
      expect(new URLSearchParams(service.received[0]?.body).get('scope')).toBe(
        'https://containerregistry.azure.net/.default',
      );
    },
  );

  test.each([
    ['refuses', status(401, '{"errors":[]}'), 'answered 401 to the exchange'],
    ['sends no token', status(200, '{}'), 'answered without a refresh token'],
    ['sends no JSON', status(200, 'refresh'), 'answered without a refresh token'],
    ['hangs', hang(), 'the identity in Azure (ACR) could not be used'],
  ])('whose exchange %s is denied with the reason', async (_name, fault, expected) => {
    const { resolve } = await scene(fault);
    const answer = await resolve();
    expect(codeOf(answer)).toBe('REGISTRY_DENIED');
    expect(messageOf(answer)).toContain(expected);
    expect(messageOf(answer)).not.toContain('aad');
  });

  test("whose exchange leads elsewhere gets Entra's token nowhere else", async () => {
    const thief = await serve();
    const { resolve } = await scene(status(307, '', { location: `${thief.url}/oauth2/exchange` }));
    expect(codeOf(await resolve())).toBe('REGISTRY_DENIED');
    expect(thief.log()).toEqual([]);
  });

  test('of somebody else, by a name that looks like it, gets nothing', async () => {
    const { resolve, service, demo } = await scene(exchanging([]), token, 'team.azurecr.io.attacker.example');
    expect(codeOf(await resolve())).toBe('REGISTRY_DENIED');
    expect(service.received).toEqual([]);
    expect(demo.requests().total).toBe(1);
  });
});

describe('an account of the file', () => {
  async function withAccount(account: { username: string; password: string }, file = 'secret\n') {
    const demo = await serve({ access: { kind: 'basic', ...account } });
    const image = pushImage(demo, { repository: 'app', tag: '1.0' });
    const { password } = write({ password: file });
    const settings = `{ host: "${demo.host}", insecure: true, username: "${account.username}", passwordFile: ${password} }`;
    const client = connect({ file: registryFile(`registries: [${settings}]`) });
    return { demo, image, resolve: () => client.resolve({ registry: demo.host, repository: 'app' }, '1.0', as()) };
  }

  test("of Harbor's robots is used as it is written", async () => {
    const { resolve, image } = await withAccount({ username: 'robot$builds+pull', password: 'secret' });
    expect(await resolve()).toEqual(ok(image.digest));
  });

  test('that is wrong is named in the refusal, its password is not', async () => {
    const { resolve } = await withAccount({ username: 'robot$builds+pull', password: 'secret' }, 'hunter2');
    const answer = await resolve();
    expect(codeOf(answer)).toBe('REGISTRY_DENIED');
    expect(messageOf(answer)).toContain('(tried: the account robot$builds+pull)');
    expect(messageOf(answer)).not.toContain('hunter2');
  });
});
