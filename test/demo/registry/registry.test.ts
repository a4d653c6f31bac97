import { Readable } from 'node:stream';
import { describe, expect, onTestFinished, test } from 'vitest';
import { pushImage, pushIndex } from '../../../src/demo/registry/images.ts';
import { startRegistry, type DemoRegistry, type DemoRegistryOptions } from '../../../src/demo/registry/serve.ts';
import { digestOf } from '../../../src/kernel/digest.ts';
import { parseManifest } from '../../../src/kernel/oci-manifest.ts';

// What Countersign reads from it is tested in test/contracts/registry.ts; here is what clients push, and what tests use.

const content = Buffer.from('some content');
const digest = digestOf(content);

async function serve(options: DemoRegistryOptions = {}): Promise<DemoRegistry> {
  const registry = await startRegistry(options);
  onTestFinished(() => registry.close());
  return registry;
}

async function send(registry: DemoRegistry, method: string, path: string, body?: Buffer | string) {
  const answer = await fetch(new URL(path, registry.url), body === undefined ? { method } : { method, body });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

/** Where an upload goes on. */
async function begin(registry: DemoRegistry, query = ''): Promise<string> {
  const { headers } = await send(registry, 'POST', `/v2/app/blobs/uploads/${query}`);
  return headers.get('location') ?? '';
}

describe('a blob is taken', () => {
  test('in one request', async () => {
    const registry = await serve();
    const pushed = await send(registry, 'POST', `/v2/app/blobs/uploads/?digest=${digest}`, content);
    expect(pushed.status).toBe(201);
    expect((await send(registry, 'GET', `/v2/app/blobs/${digest}`)).text).toBe('some content');
  });

  test('in one piece', async () => {
    const registry = await serve();
    const location = await begin(registry);
    expect((await send(registry, 'PUT', `${location}?digest=${digest}`, content)).status).toBe(201);
  });

  test('in chunks, and tells how far they have come', async () => {
    const registry = await serve();
    const location = await begin(registry);
    const first = await send(registry, 'PATCH', location, content.subarray(0, 5));
    expect(first.headers.get('range')).toBe('0-4');
    await send(registry, 'PATCH', location, content.subarray(5));
    expect((await send(registry, 'GET', location)).headers.get('range')).toBe('0-11');
    expect((await send(registry, 'PUT', `${location}?digest=${digest}`)).status).toBe(201);
    expect((await send(registry, 'HEAD', `/v2/app/blobs/${digest}`)).headers.get('content-length')).toBe('12');
  });

  test('from another repository, if it is there', async () => {
    const registry = await serve();
    registry.putBlob('other', content);
    const mount = (from: string) => send(registry, 'POST', `/v2/app/blobs/uploads/?mount=${digest}&from=${from}`);
    expect((await mount('other')).status).toBe(201);
    expect((await mount('nowhere')).status).toBe(202);
  });
});

describe('a blob is not taken', () => {
  test('under another digest', async () => {
    const registry = await serve();
    const pushed = await send(registry, 'POST', `/v2/app/blobs/uploads/?digest=${digestOf('other')}`, content);
    expect(pushed).toMatchObject({ status: 400 });
    expect(pushed.text).toContain('DIGEST_INVALID');
  });

  test('once its upload is given up', async () => {
    const registry = await serve();
    const location = await begin(registry);
    expect((await send(registry, 'DELETE', location)).status).toBe(204);
    expect((await send(registry, 'PUT', `${location}?digest=${digest}`, content)).status).toBe(404);
  });

  test('when the registry is full', async () => {
    const registry = await serve({ maxBytes: 10 });
    const pushed = await send(registry, 'POST', `/v2/app/blobs/uploads/?digest=${digest}`, content);
    expect(pushed.status).toBe(413);
    expect(() => registry.putBlob('app', content)).toThrow('at most 10 bytes');
  });
});

describe('a manifest', () => {
  test('is taken by tag and given back by digest', async () => {
    const registry = await serve();
    const text = '{"schemaVersion":2,"manifests":[]}';
    const pushed = await send(registry, 'PUT', '/v2/team/app/manifests/1.0', text);
    expect(pushed.headers.get('docker-content-digest')).toBe(digestOf(text));
    expect((await send(registry, 'GET', `/v2/team/app/manifests/${digestOf(text)}`)).text).toBe(text);
    expect((await send(registry, 'GET', '/v2/team/app/tags/list')).text).toBe('{"name":"team/app","tags":["1.0"]}');
  });

  test('is not taken under another digest, nor when it is no JSON', async () => {
    const registry = await serve();
    expect((await send(registry, 'PUT', `/v2/app/manifests/${digest}`, '{}')).status).toBe(400);
    expect((await send(registry, 'PUT', '/v2/app/manifests/1.0', 'x')).status).toBe(400);
  });

  test('is gone with all its tags once it is deleted', async () => {
    const registry = await serve();
    const image = pushImage(registry, { repository: 'app', tag: '1.0' });
    expect((await send(registry, 'DELETE', `/v2/app/manifests/${image.digest}`)).status).toBe(202);
    expect((await send(registry, 'GET', '/v2/app/manifests/1.0')).status).toBe(404);
    expect((await send(registry, 'DELETE', '/v2/app/manifests/1.0')).status).toBe(404);
  });
});

describe('an image of its own making', () => {
  test('is one whose parts are all there', async () => {
    const registry = await serve();
    const image = pushImage(registry, { repository: 'app', labels: { a: 'b' }, files: { 'bin/x': 'hello' } });
    const stored = registry.store.manifest('app', image.digest);
    expect(stored?.bytes.length).toBe(image.size);
    const manifest = parseManifest(stored?.bytes ?? content);
    if (!manifest.ok || manifest.value.kind !== 'image') throw new Error('not an image');
    for (const { digest: part, size } of [manifest.value.config, ...manifest.value.layers]) {
      expect(registry.store.blob('app', part)?.length).toBe(size);
    }
  });

  test('has another digest for other content', async () => {
    const registry = await serve();
    const [a, b] = ['a', 'b'].map((text) => pushImage(registry, { repository: 'app', files: { file: text } }));
    expect(a?.digest).not.toBe(b?.digest);
  });

  test('may be of several platforms', async () => {
    const registry = await serve();
    const manifests = ['amd64', 'arm64'].map((architecture) => ({
      architecture,
      ...pushImage(registry, { repository: 'app', architecture }),
    }));
    const index = pushIndex(registry, { repository: 'app', tag: '1.0', manifests });
    expect(registry.store.manifest('app', '1.0')?.digest).toBe(index);
  });
});

describe('what tests look at', () => {
  test('requests are counted by kind, and forgotten with reset', async () => {
    const registry = await serve();
    for (const path of ['/v2/', '/v2/app/manifests/1.0', `/v2/a/b/blobs/${digest}`, '/nothing']) {
      await send(registry, 'GET', path);
    }
    expect(registry.requests()).toMatchObject({ ping: 1, manifests: 1, blobs: 1, other: 1, total: 4 });
    registry.reset();
    expect(registry.requests().total).toBe(0);
  });

  test('a fault takes the place of as many answers as asked for', async () => {
    const registry = await serve();
    const teapot = (_request: unknown, response: { writeHead(code: number): { end(): void } }): void => {
      response.writeHead(418).end();
    };
    registry.inject(/^GET \/v2\/$/, teapot, 1);
    const statuses = [await send(registry, 'HEAD', '/v2/'), await send(registry, 'GET', '/v2/')];
    expect([...statuses, await send(registry, 'GET', '/v2/')].map(({ status }) => status)).toEqual([200, 418, 200]);
  });

  test('a body that ends early breaks nothing', async () => {
    const registry = await serve();
    const broken = Readable.from(
      (async function* () {
        yield content;
        throw new Error('gone');
      })(),
    );
    const url = new URL('/v2/app/blobs/uploads/', registry.url);
    await expect(
      fetch(url, { method: 'POST', body: Readable.toWeb(broken) as ReadableStream, duplex: 'half' }),
    ).rejects.toThrow('fetch failed');
    expect((await send(registry, 'GET', '/v2/')).status).toBe(200);
  });
});
