import { describe, expect, test } from 'vitest';
import { alwaysChallenge, redirect, status } from '../../../src/demo/registry/faults.ts';
import { digestOf } from '../../../src/kernel/digest.ts';
import { ok } from '../../../src/kernel/result.ts';
import { issue, makeAuthority } from '../../cluster/certificates.ts';
import { account, as, codeOf, connect, known, messageOf, openBench, serve } from './bench.ts';

const content = Buffer.from('content');
const digest = digestOf(content);
const basic = { kind: 'basic', ...account } as const;

describe('a blob that is kept elsewhere, as with the cloud registries', () => {
  test.each([301, 302, 303, 307, 308])('is fetched from there (%d)', async (code) => {
    const storage = await serve();
    storage.inject(/^GET \/bucket/, status(200, content));
    const { demo } = await openBench();
    const client = connect({ insecure: [demo.host, storage.host] });
    demo.inject(/blobs/, redirect(`${storage.url}/bucket?signature=1`, code));
    expect(await client.blob({ registry: demo.host, repository: 'app' }, digest, 100, as())).toEqual(ok(content));
  });

  test('no credentials go there', async () => {
    const storage = await serve();
    storage.inject(/^GET \/bucket/, status(200, content));
    const demo = await serve({ access: basic });
    const client = connect({ insecure: [demo.host, storage.host] });
    const app = { registry: demo.host, repository: 'app' };
    await client.resolve(app, '1.0', as(known));
    demo.inject(/blobs/, redirect(`${storage.url}/bucket`));
    expect(await client.blob(app, digest, 100, as(known))).toEqual(ok(content));
    expect(demo.log().at(-1)?.authorized).toBe(true);
    expect(storage.log().map(({ authorized }) => authorized)).toEqual([false]);
  });

  test('they stay with the registry when it redirects to itself', async () => {
    const { demo, app } = await openBench({ access: basic });
    const stored = demo.putBlob('app', content);
    const client = connect({ insecure: [demo.host] });
    demo.inject(/blobs/, redirect(`/v2/app/blobs/${stored}?again`), 1);
    expect(await client.blob(app, stored, 100, as(known))).toEqual(ok(content));
    expect(demo.log().at(-1)).toMatchObject({ authorized: true, status: 200 });
  });

  test('it cannot ask for the credentials', async () => {
    const storage = await serve();
    const demo = await serve({ access: basic });
    const client = connect({ insecure: [demo.host, storage.host] });
    const app = { registry: demo.host, repository: 'app' };
    await client.resolve(app, '1.0', as(known));
    demo.inject(/blobs/, redirect(`${storage.url}/bucket`));
    storage.inject(/bucket/, alwaysChallenge(`Bearer realm="${storage.url}/steal"`));
    storage.inject(/steal/, status(200, '{"token":"x"}'));
    expect(codeOf(await client.blob(app, digest, 100, as(known)))).toBe('REGISTRY_DENIED');
    expect(storage.log().map(({ path }) => path)).toEqual(['/bucket']);
  });

  test('other bytes than those of the digest are refused', async () => {
    const storage = await serve();
    storage.inject(/bucket/, status(200, 'other bytes'));
    const { demo, app } = await openBench();
    const client = connect({ insecure: [demo.host, storage.host] });
    demo.inject(/blobs/, redirect(`${storage.url}/bucket`));
    expect(codeOf(await client.blob(app, digest, 100, as()))).toBe('REGISTRY_RESPONSE_INVALID');
  });
});

describe('redirects that lead nowhere', () => {
  test('round and round', async () => {
    const { demo, client, app } = await openBench();
    demo.inject(/./, redirect('/v2/app/blobs/round'));
    const answer = await client.blob(app, digest, 100, as());
    expect(codeOf(answer)).toBe('REGISTRY_RESPONSE_INVALID');
    expect(messageOf(answer)).toContain('redirects more than 5 times');
    expect(demo.requests().total).toBe(6);
  });

  test.each([
    ['to nowhere', 'http://'],
    ['to nothing at all', ''],
  ])('%s', async (_name, location) => {
    const { demo, client, app } = await openBench();
    demo.inject(/./, status(307, '', { location }));
    expect((await client.blob(app, digest, 100, as())).ok).toBe(false);
    expect(demo.requests().total).toBeLessThanOrEqual(6);
  });

  test('without saying where to', async () => {
    const { demo, client, app } = await openBench();
    demo.inject(/./, status(307));
    expect(codeOf(await client.blob(app, digest, 100, as()))).toBe('REGISTRY_RESPONSE_INVALID');
  });
});

describe('redirects to what only the webhook can reach', () => {
  test.each([
    'https://127.0.0.1/',
    'https://127.8.8.8:8443/',
    'https://localhost/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://0/',
    'https://169.254.169.254/latest/meta-data/',
    'https://[fd00:ec2::254]/',
    'https://[64:ff9b::a9fe:a9fe]/',
    'https://100.100.100.200/',
    'https://168.63.129.16/',
    'http://169.254.169.254/latest/meta-data/',
    'http://10.0.0.1/',
    'http://registry.example/',
    'ftp://127.0.0.1/',
    'file:///etc/passwd',
    'data:text/plain,content',
    'unix:///run/containerd/containerd.sock',
  ])('are not followed (%s)', async (target) => {
    const { demo, client, app } = await openBench();
    demo.inject(/./, redirect(target));
    expect(codeOf(await client.blob(app, digest, 100, as(undefined, 2_000)))).toBe('REGISTRY_UNREACHABLE');
  });

  test('not even a connection is made', async () => {
    const inner = await serve({ tls: await issue(await makeAuthority(), { commonName: 'x', names: ['localhost'] }) });
    let connections = 0;
    inner.inject(/./, () => {
      connections += 1;
    });
    const { demo, client, app } = await openBench();
    demo.inject(/./, redirect(`https://localhost:${inner.host.split(':')[1]}/`));
    const answer = await client.blob(app, digest, 100, as());
    expect(messageOf(answer)).toContain('its address belongs to this machine');
    expect(connections).toBe(0);
  });

  test('a configured host is no way around for the port beside it', async () => {
    const beside = await serve();
    const { demo, client, app } = await openBench();
    demo.inject(/./, redirect(`${beside.url}/v2/`));
    expect(codeOf(await client.blob(app, digest, 100, as()))).toBe('REGISTRY_UNREACHABLE');
    expect(beside.log()).toEqual([]);
  });
});
