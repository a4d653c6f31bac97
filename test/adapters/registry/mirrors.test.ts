import { describe, expect, test } from 'vitest';
import { delayed, hang, status } from '../../../src/demo/registry/faults.ts';
import { pushImage } from '../../../src/demo/registry/images.ts';
import type { DemoRegistry, DemoRegistryOptions } from '../../../src/demo/registry/serve.ts';
import { digestOf, hexOf } from '../../../src/kernel/digest.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { Credentials } from '../../../src/ports/registry.ts';
import { account, as, codeOf, connect, known, messageOf, serve } from './bench.ts';
import { registryFile } from './files.ts';

interface Scene {
  /** Of the mirror in the file. */
  readonly mirror?: string;
  readonly mirrorOptions?: DemoRegistryOptions;
  readonly options?: DemoRegistryOptions;
}

/** A registry with an image, and a mirror that has it as well. */
async function open({ mirror: settings = '', mirrorOptions = {}, options = {} }: Scene = {}) {
  const [registry, mirror] = await Promise.all([serve(options), serve(mirrorOptions)]);
  const files = { 'etc/image': 'app' };
  const image = pushImage(registry, { repository: 'team/app', tag: '1.0', files });
  const copy = pushImage(mirror, { repository: 'cache/team/app', tag: '1.0', files });
  if (copy.digest !== image.digest) throw new Error('the copy is another image');
  const client = connect({
    insecure: [registry.host, mirror.host],
    file: registryFile(
      `registries: [{ host: "${registry.host}", mirrors: [{ host: "${mirror.host}", path: cache${settings} }] }]`,
    ),
  });
  return { registry, mirror, client, image, app: { registry: registry.host, repository: 'team/app' } };
}

function blobIn(demo: DemoRegistry, repository: string, text: string) {
  return { digest: demo.putBlob(repository, Buffer.from(text)), size: text.length };
}

describe('a mirror', () => {
  test('is asked first for what has a digest, and the registry not at all', async () => {
    const { registry, mirror, client, image, app } = await open();
    const { digest } = blobIn(mirror, 'cache/team/app', 'content');
    expect((await client.manifest(app, image.digest, as())).ok).toBe(true);
    expect(await client.blob(app, digest, 100, as())).toEqual(ok(Buffer.from('content')));
    expect(mirror.log().map(({ path }) => path)).toEqual([
      `/v2/cache/team/app/manifests/${image.digest}`,
      `/v2/cache/team/app/blobs/${digest}`,
    ]);
    expect(registry.log()).toEqual([]);
  });

  test('says nothing of tags, signature tags and referrers: it could answer with what was', async () => {
    const { registry, mirror, client, image, app } = await open();
    expect(await client.resolve(app, '1.0', as())).toEqual(ok(image.digest));
    await client.manifest(app, `sha256-${hexOf(image.digest)}.sig`, as());
    for await (const listed of client.referrers(app, image.digest, as())) expect(listed.ok).toBe(true);
    expect(mirror.log()).toEqual([]);
    expect(registry.requests().total).toBe(3);
  });

  test('says it where the file says so', async () => {
    const { registry, mirror, client, image, app } = await open({ mirror: ', resolveTags: true' });
    expect(await client.resolve(app, '1.0', as())).toEqual(ok(image.digest));
    expect(mirror.requests().total).toBe(1);
    expect(registry.log()).toEqual([]);
    // What the mirror does not list the registry may.
    const lists = [];
    for await (const listed of client.referrers(app, image.digest, as())) lists.push(listed);
    expect(lists).toHaveLength(2);
    expect(registry.requests().referrers).toBe(1);
  });

  test('that lacks something is passed over', async () => {
    const { registry, client, app } = await open({ mirror: ', resolveTags: true' });
    const { digest, size } = blobIn(registry, 'team/app', 'only there');
    const other = pushImage(registry, { repository: 'team/app', tag: '2.0' });
    expect(await client.blob(app, digest, 100, as())).toEqual(ok(Buffer.from('only there')));
    expect(await client.resolve(app, '2.0', as())).toEqual(ok(other.digest));
    let read = '';
    const reading = async (chunk: Buffer): Promise<void> => void (read += chunk.toString());
    expect(await client.streamBlob(app, { digest, size }, reading, as())).toEqual(ok(undefined));
    expect(read).toBe('only there');
  });

  test.each([
    ['asks for credentials', 401],
    ['forbids', 403],
    ['is broken', 500],
    ['is busy', 429],
    ['answers oddly', 418],
  ])('that %s (%d) is passed over', async (_name, code) => {
    const { mirror, client, image, app } = await open();
    mirror.inject(/./, status(code));
    const answer = await client.manifest(app, image.digest, as());
    expect(answer.ok && answer.value?.digest).toBe(image.digest);
  });

  test('that serves other bytes is found out and passed over', async () => {
    const { registry, mirror, client, image, app } = await open();
    mirror.inject(/manifests/, status(200, '{"schemaVersion":2}', { 'content-type': 'application/json' }));
    mirror.inject(/blobs/, status(200, 'forged!'));
    const { digest } = blobIn(registry, 'team/app', 'content');
    const manifest = await client.manifest(app, image.digest, as());
    expect(manifest.ok && manifest.value?.digest).toBe(image.digest);
    expect(await client.blob(app, digest, 100, as())).toEqual(ok(Buffer.from('content')));
    expect(mirror.requests().total).toBe(2);
  });

  test('that serves other bytes to whoever reads them at once has spoilt that reading', async () => {
    const { registry, mirror, client, app } = await open();
    mirror.inject(/blobs/, status(200, 'forged!'));
    const blob = blobIn(registry, 'team/app', 'content');
    const answer = await client.streamBlob(app, blob, async () => undefined, as());
    expect(codeOf(answer)).toBe('REGISTRY_RESPONSE_INVALID');
    expect(registry.log()).toEqual([]);
  });

  test('that is down is passed over, and left alone for a while', async () => {
    const { mirror, client, image, app } = await open();
    await mirror.close();
    expect((await client.manifest(app, image.digest, as())).ok).toBe(true);
    const back = await serve({ port: Number(mirror.host.split(':')[1]) });
    expect((await client.manifest(app, image.digest, as())).ok).toBe(true);
    expect(back.requests().total).toBe(0);
  });

  test('that hangs leaves time for the registry, once', async () => {
    const { mirror, client, image, app } = await open();
    mirror.inject(/./, hang());
    expect((await client.manifest(app, image.digest, as(undefined, 9_000))).ok).toBe(true);
    expect((await client.manifest(app, image.digest, as(undefined, 9_000))).ok).toBe(true);
    expect(mirror.requests().total).toBe(1);
  });

  test('that is down for one image is asked for the others', async () => {
    const { mirror, client, app } = await open();
    mirror.inject(/cache\/team\/app/, hang(), 1);
    await client.manifest(app, digestOf('slow'), as());
    await client.manifest({ ...app, repository: 'team/other' }, digestOf('other'), as());
    expect(mirror.log().map(({ path }) => path)).toContain(`/v2/cache/team/other/manifests/${digestOf('other')}`);
  });

  test('is named beside the registry when both fail', async () => {
    const { registry, mirror, client, app } = await open();
    mirror.inject(/./, status(418));
    registry.inject(/./, status(403));
    const answer = await client.manifest(app, digestOf('x'), as());
    expect(codeOf(answer)).toBe('REGISTRY_DENIED');
    expect(messageOf(answer)).toContain(`registry ${registry.host} answered 403`);
    expect(messageOf(answer)).toContain(`; mirrors before it: registry ${mirror.host} answered 418`);
  });

  test('has no time of its own when the request has none', async () => {
    const { registry, mirror, client, image, app } = await open();
    mirror.inject(/./, delayed(1_000));
    registry.inject(/./, hang());
    expect(codeOf(await client.manifest(app, image.digest, as(undefined, 200)))).toBe('REGISTRY_TIMEOUT');
  });
});

describe('credentials', () => {
  test('of the registry never go to its mirror', async () => {
    const access = { kind: 'basic', ...account } as const;
    const { registry, mirror, client, image, app } = await open({ options: { access }, mirrorOptions: { access } });
    const asked: string[] = [];
    const forRegistry: Credentials = {
      id: 'registry only',
      forHost: async (host) => {
        asked.push(host);
        return ok(host === registry.host ? account : undefined);
      },
    };
    const answer = await client.manifest(app, image.digest, as(forRegistry));
    expect(answer.ok && answer.value?.digest).toBe(image.digest);
    expect(asked).toEqual([mirror.host, registry.host]);
    expect(mirror.log().map(({ authorized }) => authorized)).toEqual([false]);
  });

  test('of the mirror are asked for by its own name', async () => {
    const access = { kind: 'basic', ...account } as const;
    const { registry, client, image, app } = await open({ mirrorOptions: { access } });
    expect((await client.manifest(app, image.digest, as(known))).ok).toBe(true);
    expect(registry.log()).toEqual([]);
  });
});

test('mirrors are asked in the order of the file', async () => {
  const [registry, first, second] = await Promise.all([serve(), serve(), serve()]);
  const image = pushImage(second, { repository: 'app', tag: '1.0' });
  const hosts = [first, second].map(({ host }) => `{ host: "${host}" }`).join(', ');
  const client = connect({
    insecure: [registry.host, first.host, second.host],
    file: registryFile(`registries: [{ host: "${registry.host}", mirrors: [${hosts}] }]`),
  });
  const answer = await client.manifest({ registry: registry.host, repository: 'app' }, image.digest, as());
  expect(answer.ok && answer.value?.digest).toBe(image.digest);
  expect([first, second, registry].map((demo) => demo.requests().total)).toEqual([1, 1, 0]);
});

describe('a rewritten name', () => {
  async function rewriting(rules: (host: string) => string) {
    const demo = await serve();
    const image = pushImage(demo, { repository: 'hub/library/nginx', tag: '1.0' });
    const client = connect({ insecure: [demo.host], file: registryFile(`rewrite: [${rules(demo.host)}]`) });
    const resolve = (repository: string) => client.resolve({ registry: 'index.docker.io', repository }, '1.0', as());
    return { demo, image, resolve };
  }

  test('is fetched at its new place, tags and all', async () => {
    const { image, resolve } = await rewriting((host) => `{ from: docker.io, to: "${host}/hub" }`);
    expect(await resolve('library/nginx')).toEqual(ok(image.digest));
  });

  test('follows the longest rule that fits', async () => {
    const { image, resolve } = await rewriting(
      (host) => `{ from: docker.io, to: "${host}/elsewhere" }, { from: docker.io/library, to: "${host}/hub/library" }`,
    );
    expect(await resolve('library/nginx')).toEqual(ok(image.digest));
  });

  test('fits whole parts of a path only', async () => {
    const [demo, other] = await Promise.all([serve(), serve()]);
    const text = `rewrite: [{ from: "${demo.host}/lib", to: "${other.host}/lib" }]`;
    const client = connect({ insecure: [demo.host, other.host], file: registryFile(text) });
    for (const repository of ['library/nginx', 'lib', 'lib/nginx'])
      await client.resolve({ registry: demo.host, repository }, '1.0', as());
    expect(demo.log().map(({ path }) => path)).toEqual(['/v2/library/nginx/manifests/1.0']);
    expect(other.log().map(({ path }) => path)).toEqual(['/v2/lib/manifests/1.0', '/v2/lib/nginx/manifests/1.0']);
  });

  test('does not fall back to the old place', async () => {
    const { resolve } = await rewriting((host) => `{ from: docker.io, to: "${host}/nothing" }`);
    expect(codeOf(await resolve('library/nginx'))).toBe('IMAGE_NOT_FOUND');
  });
});
