import { createServer, type Server, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { endless, hang, html, huge, reset, status, trickle, truncated } from '../../../src/demo/registry/faults.ts';
import type { Fault } from '../../../src/demo/registry/serve.ts';
import { digestOf } from '../../../src/kernel/digest.ts';
import type { Result } from '../../../src/kernel/result.ts';
import { as, codeOf, connect, openBench, referrersOf, type Bench } from './bench.ts';

const mebibyte = 1024 * 1024;
const indexType = 'application/vnd.oci.image.index.v1+json';

/** Every question that a registry is asked about an image. */
const questions = {
  resolve: ({ client, app }, options) => client.resolve(app, '1.0', options),
  manifest: ({ client, app }, options) => client.manifest(app, '1.0', options),
  blob: ({ client, app }, options) => client.blob(app, digestOf('some blob'), mebibyte, options),
  referrers: referrersOf,
} as const satisfies Record<string, (bench: Bench, options: ReturnType<typeof as>) => Promise<Result<unknown>>>;

type Question = keyof typeof questions;
const all = Object.keys(questions) as readonly Question[];
const bodies = ['manifest', 'blob', 'referrers'] as const;

async function ask(question: Question, fault: Fault, ms = 5_000): Promise<string> {
  const bench = await openBench();
  bench.demo.inject(/./, fault);
  return codeOf(await questions[question](bench, as(undefined, ms)));
}

function askEach(some: readonly Question[], fault: Fault, ms?: number): Promise<readonly string[]> {
  return Promise.all(some.map((question) => ask(question, fault, ms)));
}

describe('what is not what was asked for', () => {
  test.each(bodies)('a web page is no answer (%s)', async (question) => {
    // A page in place of the list of referrers means that there is no such list; the tag in its place is a page too.
    expect(await ask(question, html())).toBe('REGISTRY_RESPONSE_INVALID');
  });

  test('a web page in answer to HEAD is looked at, and is no answer', async () => {
    expect(await ask('resolve', html())).toBe('REGISTRY_RESPONSE_INVALID');
  });

  test('a manifest of another digest', async () => {
    const { client, app, demo, image } = await openBench();
    demo.inject(/manifests/, status(200, '{"schemaVersion":2}', { 'docker-content-digest': image.digest }));
    expect(codeOf(await client.manifest(app, image.digest, as()))).toBe('REGISTRY_RESPONSE_INVALID');
  });

  test('a blob of another digest', async () => {
    const { client, app, demo } = await openBench();
    const digest = demo.putBlob('app', Buffer.from('right'));
    demo.inject(/blobs/, status(200, 'wrong'));
    expect(codeOf(await client.blob(app, digest, 100, as()))).toBe('REGISTRY_RESPONSE_INVALID');
  });

  test.each(['sha256:ABC', 'sha512:00', `sha256:${'0'.repeat(63)}`, `${digestOf('a')}\u00e9`, '../../x'])(
    'a digest header that is none: the manifest itself says (%s)',
    async (header) => {
      const { client, app, demo, image } = await openBench();
      demo.inject(/^HEAD/, status(200, '', { 'docker-content-digest': header }));
      expect(await client.resolve(app, '1.0', as())).toEqual({ ok: true, value: image.digest });
    },
  );

  test.each([
    ['nothing', ''],
    ['no JSON', '<x>'],
    ['an image in place of an index', '{"schemaVersion":2,"config":{},"layers":[]}'],
    ['a key twice', '{"schemaVersion":2,"manifests":[],"manifests":[]}'],
    ['a list that is none', '{"schemaVersion":2,"manifests":{}}'],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1')],
    ['nesting without end', '['.repeat(100_000)],
    ['more entries than anybody has', JSON.stringify({ schemaVersion: 2, manifests: Array(1_001).fill({}) })],
  ])('a list of referrers that is %s', async (_name, body) => {
    expect(await ask('referrers', status(200, body, { 'content-type': indexType }))).toBe('REGISTRY_RESPONSE_INVALID');
  });

  test.each([201, 204, 206, 300, 304, 400, 402, 410, 418, 451, 599])('status %d', async (code) => {
    expect(await ask('manifest', status(code))).toBe(code < 500 ? 'REGISTRY_RESPONSE_INVALID' : 'REGISTRY_UNREACHABLE');
  });
});

describe('size', () => {
  test.each(bodies)('a body without end is read up to the limit only (%s)', async (question) => {
    let sent = 0;
    const code = await ask(
      question,
      endless((bytes) => (sent += bytes)),
    );
    expect(code).toBe('REGISTRY_RESPONSE_TOO_LARGE');
    // What the limit allows, and what the buffers of two sockets hold.
    expect(sent).toBeLessThan(16 * mebibyte);
  });

  test.each([
    ['announced', true],
    ['not announced', false],
  ])('a manifest of 100 MB, %s', async (_name, announce) => {
    expect(await ask('manifest', huge(100_000_000, announce))).toBe('REGISTRY_RESPONSE_TOO_LARGE');
  });

  test('an error page without end is not read to its end: the status says enough', async () => {
    const { client, app, demo } = await openBench();
    demo.inject(/./, async (request, response) => {
      response.writeHead(404);
      while (!request.socket.destroyed) {
        if (!response.write(Buffer.alloc(65_536))) await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
    expect(await client.manifest(app, 'absent', as())).toEqual({ ok: true, value: undefined });
  });

  test('compressed answers were not asked for: none is expanded', async () => {
    const bomb = gzipSync(Buffer.alloc(100 * mebibyte));
    const fault = status(200, bomb, { 'content-encoding': 'gzip', 'content-type': indexType });
    const before = process.memoryUsage().rss;
    expect(await askEach(bodies, fault)).toEqual(bodies.map(() => 'REGISTRY_RESPONSE_INVALID'));
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * mebibyte);
  });

  test('headers without end', async () => {
    const server = await rawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const more = setInterval(() => socket.write(`x-filler: ${'x'.repeat(8_192)}\r\n`), 1);
      socket.once('close', () => clearInterval(more));
    });
    expect(codeOf(await resolveAt(server))).toBe('REGISTRY_RESPONSE_INVALID');
  });
});

describe('time', () => {
  test('a registry that never answers', async () => {
    expect(await within(3_000, askEach(all, hang(), 200))).toEqual(all.map(() => 'REGISTRY_TIMEOUT'));
  });

  test('a body that comes byte by byte', async () => {
    expect(await within(3_000, askEach(bodies, trickle(), 200))).toEqual(bodies.map(() => 'REGISTRY_TIMEOUT'));
  });

  test('headers that come byte by byte', async () => {
    const server = await rawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nx-slow: ');
      const more = setInterval(() => socket.write('x'), 10);
      socket.once('close', () => clearInterval(more));
    });
    expect(codeOf(await within(3_000, resolveAt(server, 200)))).toBe('REGISTRY_TIMEOUT');
  });

  test('a connection that breaks at once', async () => {
    expect(await askEach(all, reset())).toEqual(all.map(() => 'REGISTRY_UNREACHABLE'));
  });

  test('a connection that breaks in the middle', async () => {
    expect(await askEach(bodies, truncated())).toEqual(bodies.map(() => 'REGISTRY_UNREACHABLE'));
  });
});

describe('what is no HTTP', () => {
  test.each([
    ['a greeting of another protocol', '220 mail.example ESMTP\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}'],
    ['length and chunks', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}'],
    ['a length that is no number', 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{}'],
    ['a zero byte in a header', 'HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n{}'],
  ])('%s', async (_name, text) => {
    const server = await rawServer((socket) => socket.end(text));
    expect(codeOf(await resolveAt(server))).toBe('REGISTRY_RESPONSE_INVALID');
  });
});

async function rawServer(onConnection: (socket: Socket) => void): Promise<Server> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    socket.once('data', () => onConnection(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return server;
}

async function resolveAt(server: Server, ms = 5_000): Promise<Result<unknown>> {
  const address = server.address();
  const host = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  return connect({ insecure: [host] }).manifest({ registry: host, repository: 'app' }, '1.0', as(undefined, ms));
}

async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  const started = performance.now();
  const value = await answer;
  expect(performance.now() - started).toBeLessThan(ms);
  return value;
}
