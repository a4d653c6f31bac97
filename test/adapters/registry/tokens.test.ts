import { describe, expect, test } from 'vitest';
import { alwaysChallenge, hang, html, redirect, status, tooManyRequests } from '../../../src/demo/registry/faults.ts';
import type { DemoRegistry } from '../../../src/demo/registry/serve.ts';
import { ok } from '../../../src/kernel/result.ts';
import { issue, makeAuthority } from '../../cluster/certificates.ts';
import { account, as, codeOf, connect, known, messageOf, openBench, referrersOf, serve, type Bench } from './bench.ts';

const token = { kind: 'token', ...account } as const;

describe('a token', () => {
  test('is fetched once for many questions', async () => {
    const bench = await openBench({ access: token });
    const { demo, client, app, image } = bench;
    await client.resolve(app, '1.0', as(known));
    await client.manifest(app, image.digest, as(known));
    await referrersOf(bench, as(known));
    expect(demo.requests()).toMatchObject({ token: 1, total: 5 });
  });

  test('is asked for with no more than the right to read this repository', async () => {
    const { demo, client, app } = await openBench({ access: token });
    demo.inject(
      /HEAD/,
      alwaysChallenge(`Bearer realm="${demo.url}/token?scope=repository:*:push",scope="registry:*:*"`),
      1,
    );
    await client.resolve(app, '1.0', as(known));
    const asked = demo.log().find(({ path }) => path.startsWith('/token'));
    expect(new URL(asked?.path ?? '', demo.url).searchParams.getAll('scope')).toEqual(['repository:app:pull']);
  });

  test('is fetched anew when it has expired', async () => {
    const { demo, client, app, image } = await openBench({ access: token });
    await client.resolve(app, '1.0', as(known));
    demo.revokeTokens();
    expect(await client.resolve(app, '1.0', as(known))).toEqual(ok(image.digest));
    expect(demo.requests().token).toBe(2);
  });

  test('for everybody is fetched without credentials', async () => {
    const { client, app, image } = await openBench({ access: { ...token, anonymousPull: true } });
    expect(await client.resolve(app, '1.0', as())).toEqual(ok(image.digest));
  });

  test("of one caller is not used for another's question", async () => {
    const { client, app } = await openBench({ access: token });
    await client.resolve(app, '1.0', as(known));
    expect(codeOf(await client.resolve(app, '1.0', as()))).toBe('REGISTRY_DENIED');
  });

  test('that does not help ends the asking', async () => {
    const { demo, client, app } = await openBench();
    demo.inject(/HEAD/, alwaysChallenge(`Bearer realm="${demo.url}/token"`));
    demo.inject(/token/, status(200, '{"token":"x"}'));
    expect(codeOf(await client.resolve(app, '1.0', as(known)))).toBe('REGISTRY_DENIED');
    expect(demo.requests()).toMatchObject({ manifests: 2, token: 1, total: 3 });
  });

  test('nor does a password that does not help go round and round', async () => {
    const { demo, client, app } = await openBench();
    demo.inject(/HEAD/, alwaysChallenge('Basic realm="x"'));
    expect(codeOf(await client.resolve(app, '1.0', as(known)))).toBe('REGISTRY_DENIED');
    expect(demo.requests().total).toBe(2);
  });
});

describe('a realm', () => {
  /** What the client says, and what it asked, when a registry names this realm. */
  async function challenged(realm: string): Promise<{ code: string; message: string; asked: readonly string[] }> {
    const { demo, client, app } = await openBench();
    demo.inject(/HEAD/, alwaysChallenge(`Bearer realm="${realm}",service="x"`));
    const answer = await client.resolve(app, '1.0', as(known, 2_000));
    return { code: codeOf(answer), message: messageOf(answer), asked: demo.log().map(({ path }) => path) };
  }

  test.each([
    'file:///etc/passwd',
    'ftp://registry.example/token',
    'javascript:1',
    'data:application/json,{}',
    'token',
    '/token',
    '',
    'https://user:password@registry.example/token',
    'https://',
    'https://[::1/',
  ])('that is no plain web address is not asked (%s)', async (realm) => {
    expect(await challenged(realm)).toMatchObject({ code: 'REGISTRY_DENIED', asked: ['/v2/app/manifests/1.0'] });
  });

  test.each([
    'http://registry.example/token',
    'http://169.254.169.254/token',
    'https://169.254.169.254/token',
    'https://127.0.0.1/token',
    'https://localhost/token',
    'https://[::ffff:7f00:1]/token',
  ])('at an address that nobody configured is not asked (%s)', async (realm) => {
    expect((await challenged(realm)).code).toBe('REGISTRY_UNREACHABLE');
  });

  test('without HTTPS gets no credentials from a registry with HTTPS, configured or not', async () => {
    const authority = await makeAuthority();
    const tls = await issue(authority, { commonName: 'registry', addresses: ['127.0.0.1'] });
    const thief = await serve();
    const demo = await serve({ tls });
    demo.inject(/./, alwaysChallenge(`Bearer realm="${thief.url}/token"`));
    const client = connect({ insecure: [thief.host], ca: new Map([[demo.host, authority.cert]]) });
    const answer = await client.resolve({ registry: demo.host, repository: 'app' }, '1.0', as(known));
    expect(codeOf(answer)).toBe('REGISTRY_DENIED');
    expect(thief.log()).toEqual([]);
  });

  test('that redirects takes no credentials along', async () => {
    const thief = await serve();
    thief.inject(/./, status(200, '{"token":"x"}'));
    const demo = await serve();
    demo.inject(/HEAD/, alwaysChallenge(`Bearer realm="${demo.url}/token"`));
    demo.inject(/token/, redirect(`${thief.url}/elsewhere`));
    const client = connect({ insecure: [demo.host, thief.host] });
    await client.resolve({ registry: demo.host, repository: 'app' }, '1.0', as(known));
    expect(thief.log().map(({ authorized }) => authorized)).toEqual([false]);
  });
});

describe('a token service that', () => {
  async function withService(spoil: (demo: DemoRegistry) => void, ms = 5_000): Promise<Bench & { code: string }> {
    const bench = await openBench({ access: token });
    spoil(bench.demo);
    return { ...bench, code: codeOf(await bench.client.resolve(bench.app, '1.0', as(known, ms))) };
  }

  test.each([
    ['sends no token', '{}', 'REGISTRY_RESPONSE_INVALID'],
    ['sends no JSON', 'token', 'REGISTRY_RESPONSE_INVALID'],
    ['sends nothing', '', 'REGISTRY_RESPONSE_INVALID'],
    ['sends two tokens by one name', '{"token":"a","token":"b"}', 'REGISTRY_RESPONSE_INVALID'],
    ['sends a token that is no text', '{"token":["a"]}', 'REGISTRY_RESPONSE_INVALID'],
    ['sends an empty token', '{"token":""}', 'REGISTRY_RESPONSE_INVALID'],
    ['sends a token that would end the header', '{"token":"a\\r\\nhost: b"}', 'REGISTRY_RESPONSE_INVALID'],
    ['sends a token with spaces', '{"token":"a b"}', 'REGISTRY_RESPONSE_INVALID'],
    ['sends a long token', JSON.stringify({ token: 'a'.repeat(60_000) }), 'REGISTRY_RESPONSE_INVALID'],
    ['sends a huge token', JSON.stringify({ token: 'a'.repeat(600_000) }), 'REGISTRY_RESPONSE_TOO_LARGE'],
  ])('%s', async (_name, body, expected) => {
    const { code } = await withService((demo) => demo.inject(/token/, status(200, body)));
    expect(code).toBe(expected);
  });

  test.each([
    ['is wrong about the credentials', status(401), 'REGISTRY_DENIED'],
    ['forbids', status(403), 'REGISTRY_DENIED'],
    ['asks for credentials without end', alwaysChallenge('Bearer realm="http://127.0.0.1:1/"'), 'REGISTRY_DENIED'],
    ['is a web page', html(), 'REGISTRY_RESPONSE_INVALID'],
    ['is broken', status(500), 'REGISTRY_UNREACHABLE'],
    ['is busy', tooManyRequests('60'), 'REGISTRY_RATE_LIMITED'],
    ['is missing', status(404), 'REGISTRY_RESPONSE_INVALID'],
    ['redirects to itself', redirect('/token'), 'REGISTRY_RESPONSE_INVALID'],
  ])('%s', async (_name, fault, expected) => {
    const { code } = await withService((demo) => demo.inject(/token/, fault));
    expect(code).toBe(expected);
  });

  test('never answers', async () => {
    expect((await withService((demo) => demo.inject(/token/, hang()), 200)).code).toBe('REGISTRY_TIMEOUT');
  });

  test.each(['-1', '0', '1e400', '"soon"', 'null', '99999999999'])(
    'says that its token is good for %s seconds',
    async (seconds) => {
      const { code } = await withService((demo) => {
        demo.inject(/token/, status(200, `{"token":"x","expires_in":${seconds}}`), 1);
      });
      expect(code).toBe('REGISTRY_DENIED');
    },
  );

  test('calls it access_token', async () => {
    const { demo } = await withService((service) => service.inject(/token/, status(200, '{"access_token":"x"}')));
    expect(demo.log().map(({ authorized }) => authorized)).toEqual([false, true, true]);
  });
});

test('secrets stand in no message', async () => {
  const { demo, client, app } = await openBench({ access: token });
  demo.inject(/token/, status(403, '{"errors":[{"code":"DENIED","message":"no"}]}'));
  const message = messageOf(await client.resolve(app, '1.0', as(known)));
  expect(message).toContain('DENIED: no');
  expect(message).not.toContain(account.password);
});
