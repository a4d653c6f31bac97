/** url-fetch against real servers on loopback, which it asks only because these tests allow that. */
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import type { RequestListener, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { InitResult } from '../../src/init/command.ts';
import { checkedLookup, type LookupAll } from '../../src/init/url/checked-lookup.ts';
import { urlFetch } from '../../src/init/url/url-fetch.ts';
import { runInit } from './run-init.ts';
import { makeTls, startWebServer, type Tls, type WebServer } from './web-server.ts';

let folder: string;
let workspace: string;
let said: string[];
let tls: Tls;

beforeAll(async () => {
  tls = await makeTls();
});
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'countersign-url-fetch-')));
  workspace = join(folder, 'workspace');
  mkdirSync(workspace);
  said = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Environment = Readonly<Record<string, string>>;

function fetchWith(env: Environment, signal = new AbortController().signal): Promise<InitResult> {
  return urlFetch({
    env: { URL_TARGET: join(workspace, 'a/file'), URL_ALLOW: '127.0.0.1', ...env },
    say: (line) => void said.push(line),
    signal,
    mountPoints: () => [workspace],
  });
}

async function serve(answer: RequestListener, secure?: Tls): Promise<WebServer> {
  const server = await startWebServer(answer, secure);
  onTestFinished(() => server.close());
  return server;
}

const content = (): string => readFileSync(join(workspace, 'a/file'), 'utf8');
const done = { ok: true, value: undefined };
const failed = (reason: RegExp): object => ({ ok: false, failure: expect.stringMatching(reason) });
const nothingLeft = (): void => {
  const files = readdirSync(workspace, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(files.map(({ name }) => name)).toEqual([]);
};
const redirect =
  (location: string, status = 302): RequestListener =>
  (_, response) =>
    response.writeHead(status, { location }).end();
const hello: RequestListener = (_, response) => response.end('hello\n');

describe('url-fetch', () => {
  test('writes what it is given, with mode 0644', async () => {
    const { origin, requests } = await serve(hello);
    expect(await fetchWith({ URL_SOURCE: `${origin}/x?token=abcdef` })).toEqual(done);
    expect(content()).toBe('hello\n');
    expect(statSync(join(workspace, 'a/file')).mode & 0o777).toBe(0o644);
    expect(requests.map(({ url }) => url)).toEqual(['/x?token=abcdef']);
    expect(said).toContain(`  Source: ${origin}/x?…`);
    expect(said).toContain(`url-fetch: Written 6 bytes to ${join(workspace, 'a/file')}`);
    expect(said.join('\n')).not.toContain('abcdef');
  });

  test('writes the mode that it is told, and anew when the container is started again', async () => {
    const { origin } = await serve(hello);
    const env = { URL_SOURCE: origin, URL_FILE_MODE: String(0o600) };
    expect(await fetchWith(env)).toEqual(done);
    expect(await fetchWith(env)).toEqual(done);
    expect(statSync(join(workspace, 'a/file')).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(workspace, 'a'))).toEqual(['file']);
  });

  test.each<[what: string, env: Environment, authorization: string | undefined]>([
    ['a token', { URL_AUTH_TOKEN: 'tok-1234\n', URL_AUTH_USERNAME: 'u', URL_AUTH_PASSWORD: 'p' }, 'Bearer tok-1234'],
    [
      'a name and a password',
      { URL_AUTH_USERNAME: 'u', URL_AUTH_PASSWORD: 'p:ü' },
      `Basic ${Buffer.from('u:p:ü').toString('base64')}`,
    ],
    ['a header', { URL_HEADERS: '{"Authorization":"Custom 1234"}' }, 'Custom 1234'],
    [
      'a token rather than a header',
      { URL_HEADERS: '{"Authorization":"Custom 1234"}', URL_AUTH_TOKEN: 't-123' },
      'Bearer t-123',
    ],
    ['nothing', { URL_AUTH_USERNAME: 'u' }, undefined],
  ])('proves who asks with %s', async (_, env, authorization) => {
    const { origin, requests } = await serve(hello);
    expect(await fetchWith({ URL_SOURCE: origin, ...env })).toEqual(done);
    expect(requests.map(({ headers }) => headers.authorization)).toEqual([authorization]);
    expect(said.join('\n')).not.toMatch(/1234|t-123/);
  });

  test('sends the headers that it is given', async () => {
    const { origin, requests } = await serve(hello);
    await fetchWith({ URL_SOURCE: origin, URL_HEADERS: '{"X-One":"1","Accept":"text/plain"}' });
    expect(requests[0]?.headers).toMatchObject({ 'x-one': '1', accept: 'text/plain' });
  });

  test.each<[encoding: string, pack: (text: string) => Buffer]>([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('unpacks %s, which it did not ask for', async (encoding, pack) => {
    const { origin, requests } = await serve((_, response) => {
      response.writeHead(200, { 'content-encoding': encoding }).end(pack('hello\n'));
    });
    expect(await fetchWith({ URL_SOURCE: origin })).toEqual(done);
    expect(content()).toBe('hello\n');
    expect(requests[0]?.headers['accept-encoding']).toBe('identity');
  });

  test.each([301, 302, 303, 307, 308])('follows %i, to a relative place too', async (status) => {
    const { origin } = await serve((request, response) => {
      if (request.url === '/there') response.end('there\n');
      else redirect('/there', status)(request, response);
    });
    expect(await fetchWith({ URL_SOURCE: `${origin}/here` })).toEqual(done);
    expect(content()).toBe('there\n');
  });

  test('keeps token and headers within one origin, and sends them to no other', async () => {
    const stranger = await serve(hello);
    const { origin, requests } = await serve((request, response) => {
      redirect(request.url === '/here' ? '/there' : `${stranger.origin}/end`)(request, response);
    });
    const env = { URL_AUTH_TOKEN: 'secret-token', URL_HEADERS: '{"X-Key":"secret-key"}' };
    expect(await fetchWith({ URL_SOURCE: `${origin}/here`, ...env })).toEqual(done);
    const sent = requests.map(({ headers }) => [headers.authorization, headers['x-key']]);
    expect(sent).toEqual([
      ['Bearer secret-token', 'secret-key'],
      ['Bearer secret-token', 'secret-key'],
    ]);
    expect(JSON.stringify(stranger.requests)).not.toContain('secret');
    expect(said.join('\n')).not.toContain('secret');
  });

  test('sends nothing back to the first origin after another one has redirected there', async () => {
    let second = '';
    const first = await serve((request, response) => {
      if (request.url === '/here') redirect(`${second}/x`)(request, response);
      else response.end('end\n');
    });
    second = (await serve(redirect(`${first.origin}/end`))).origin;
    expect(await fetchWith({ URL_SOURCE: `${first.origin}/here`, URL_AUTH_TOKEN: 'secret-token' })).toEqual(done);
    expect(first.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer secret-token', undefined]);
  });

  test('trusts an authority of one’s own when it is named', async () => {
    const { origin } = await serve(hello, tls);
    const ca = join(folder, 'ca.pem');
    writeFileSync(ca, tls.ca);
    expect(await fetchWith({ URL_SOURCE: origin })).toEqual(failed(/certificate/));
    nothingLeft();
    expect(await fetchWith({ URL_SOURCE: origin, CUSTOM_CA_CERT_PATH: ca })).toEqual(done);
  });

  test('trusts anybody when told so, and says it', async () => {
    const { origin } = await serve(hello, tls);
    expect(await fetchWith({ URL_SOURCE: origin, URL_INSECURE: 'true' })).toEqual(done);
    expect(said).toContain('  WARNING: TLS certificate verification disabled');
  });

  test('does not use a proxy of the environment', async () => {
    const proxy = await serve(hello);
    const { origin } = await serve(hello);
    expect(await fetchWith({ URL_SOURCE: origin, http_proxy: proxy.origin, HTTP_PROXY: proxy.origin })).toEqual(done);
    expect(proxy.requests).toEqual([]);
  });
});

describe('url-fetch, places that may not be asked', () => {
  test.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0/',
    'http://[::1]/',
    'http://[::ffff:169.254.169.254]/',
    'http://localhost/',
    'http://metadata.google.internal/',
    'file:///etc/passwd',
    'ftp://example.org/',
    'https://me:hunter2@example.org/',
    'example.org',
  ])('%s', async (source) => {
    const result = await fetchWith({ URL_SOURCE: source, URL_ALLOW: '' });
    expect(result).toEqual(failed(/the URL context cannot be used: url\.source/));
    expect(JSON.stringify([result, said])).not.toContain('hunter2');
    nothingLeft();
  });

  test.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://[::1]:1/',
    'http://localhost:1/',
    'file:///etc/passwd',
    'http://me:secret@127.0.0.1/',
    'http://[',
  ])('a redirect to %s', async (location) => {
    const { origin } = await serve(redirect(location));
    expect(await fetchWith({ URL_SOURCE: origin })).toEqual(failed(/redirects to a place that may not be asked/));
    nothingLeft();
  });

  test('a redirect from https to http', async () => {
    const plain = await serve(hello);
    const { origin } = await serve(redirect(plain.origin), tls);
    expect(await fetchWith({ URL_SOURCE: origin, URL_INSECURE: 'true' })).toEqual(failed(/from https to http/));
    expect(plain.requests).toEqual([]);
  });

  test('a name that stands for loopback is asked when the name is allowed', async () => {
    const { port } = await serve(hello);
    expect(await fetchWith({ URL_SOURCE: `http://localhost:${port}/`, URL_ALLOW: 'example.org, localhost' })).toEqual(
      done,
    );
  });

  // A name that /etc/hosts has is tried in test/image/system.test.ts.
  const answersOf = (...addresses: readonly string[]): LookupAll => {
    return (_name, _options, answer) => {
      answer(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    };
  };
  test.each<[what: string, addresses: readonly string[], allowed: readonly string[], isAsked: boolean]>([
    ['a public address', ['93.184.215.14'], [], true],
    ['a private address, where the services of a cluster are', ['10.0.0.1'], [], true],
    ['loopback', ['127.0.0.1'], [], false],
    ['a metadata service', ['169.254.169.254'], [], false],
    ['a good and a bad address', ['93.184.215.14', '127.0.0.1'], [], false],
    ['IPv4 loopback in IPv6', ['::ffff:127.0.0.1'], [], false],
    ['no address', [], [], false],
    ['loopback in a network that is allowed', ['127.0.0.1'], ['127.0.0.0/8'], true],
    ['loopback beside a network that is allowed', ['127.0.0.1'], ['10.0.0.0/8'], false],
    ['loopback by a name that is allowed', ['127.0.0.1'], ['Inside.example.org.'], true],
    ['loopback by a name like one that is allowed', ['127.0.0.1'], ['example.org'], false],
  ])('DNS: %s', (_, addresses, allowed, isAsked) => {
    for (const all of [true, false]) {
      let error: unknown;
      checkedLookup(allowed, answersOf(...addresses))('inside.example.org', { all }, (found) => (error = found));
      expect(error === null).toBe(isAsked);
    }
  });
});

describe('url-fetch, answers that are not taken', () => {
  const endless = (response: ServerResponse): void => {
    const more = (): void =>
      void (response.write(Buffer.alloc(65_536)) ? setImmediate(more) : response.once('drain', more));
    response.on('close', () => response.destroy());
    more();
  };

  test.each<[what: string, answer: RequestListener, reason: RegExp]>([
    ['404', (_, response) => response.writeHead(404).end('secret page'), /answers 404 Not Found$/],
    ['500', (_, response) => response.writeHead(500).end(), /answers 500/],
    ['304', (_, response) => response.writeHead(304).end(), /answers 304/],
    ['a redirect to nowhere', (_, response) => response.writeHead(302).end(), /answers 302/],
    ['a redirect for ever', redirect('/again'), /more than 5 redirects/],
    ['no end', (_, response) => endless(response), /has more than 1000 bytes/],
    ['more than is allowed, as it says', (_, response) => response.end('x'.repeat(1_001)), /has more than 1000 bytes/],
    [
      'a small file that unpacks to a large one',
      (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(100_000))),
      /has more than 1000 bytes/,
    ],
    [
      'what is not packed as it says',
      (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
      /:/,
    ],
    [
      'an unknown packing',
      (_, response) => response.writeHead(200, { 'content-encoding': 'zip' }).end('x'),
      /packed as "zip"/,
    ],
    [
      'half of it',
      (_, response) => response.writeHead(200, { 'content-length': '10' }).write('x', () => response.destroy()),
      /aborted/,
    ],
    ['nothing', (_, response) => response.destroy(), /socket hang up/],
    ['what is no HTTP', (request) => request.socket.end('hello'), /Parse Error/],
    [
      'a header without end',
      (_, response) => response.writeHead(200, { x: 'x'.repeat(100_000) }).end(),
      /Header overflow|Parse Error/,
    ],
  ])('%s', async (_, answer, reason) => {
    const { origin } = await serve(answer);
    const result = await fetchWith({ URL_SOURCE: origin, URL_MAX_BYTES: '1000' });
    expect(result).toEqual(failed(reason));
    expect(JSON.stringify([said, result])).not.toContain('secret');
    nothingLeft();
  });

  test.each<[what: string, answer: RequestListener]>([
    ['says nothing', () => undefined],
    ['says a byte now and then', (_, response) => void setInterval(() => response.write('x'), 100).unref()],
  ])('not when a server %s for longer than the time given', async (_, answer) => {
    const { origin } = await serve(answer);
    expect(await fetchWith({ URL_SOURCE: origin, URL_TIMEOUT: '1' })).toEqual(
      failed(/did not answer in full within 1 s/),
    );
    nothingLeft();
  });

  test('not when the container is told to stop', async () => {
    const stop = new AbortController();
    const { origin } = await serve(() => stop.abort());
    expect(await fetchWith({ URL_SOURCE: origin }, stop.signal)).toEqual(failed(/it was stopped/));
  });

  test('not when nobody listens', async () => {
    expect(await fetchWith({ URL_SOURCE: 'http://127.0.0.1:1/' })).toEqual(failed(/ECONNREFUSED/));
  });
});

describe('url-fetch, places that are not written to', () => {
  test('outside of every volume, and by a link out of one', async () => {
    const { origin } = await serve(hello);
    symlinkSync(folder, join(workspace, 'out'));
    expect(await fetchWith({ URL_SOURCE: origin, URL_TARGET: join(folder, 'file') })).toEqual(
      failed(/is in no volume/),
    );
    expect(await fetchWith({ URL_SOURCE: origin, URL_TARGET: join(workspace, 'out/file') })).toEqual(
      failed(/by a link/),
    );
    expect(readdirSync(folder)).toEqual(['workspace']);
  });

  test.each<[env: Environment, reason: RegExp]>([
    [{ URL_SOURCE: '' }, /URL_SOURCE environment variable is required/],
    [{ URL_TARGET: '' }, /URL_TARGET environment variable is required/],
    [{ URL_TARGET: '/workspace/../etc/x' }, /URL_TARGET: .* a part "\.\."/],
    [{ URL_TARGET: 'x' }, /no absolute path/],
    [{ URL_TIMEOUT: '0' }, /URL_TIMEOUT is "0"/],
    [{ URL_TIMEOUT: '30s' }, /URL_TIMEOUT is "30s"/],
    [{ URL_MAX_BYTES: '-1' }, /URL_MAX_BYTES/],
    [{ URL_FILE_MODE: '999' }, /URL_FILE_MODE/],
    [{ URL_HEADERS: '{"X":1}' }, /URL_HEADERS is no JSON object of texts/],
    [{ URL_HEADERS: '["X: secret"]' }, /URL_HEADERS is no JSON object/],
    [{ URL_HEADERS: '{"X":"a\\r\\nsecret: b"}' }, /has a line break/],
    [{ URL_HEADERS: '{"Host":"secret.example"}' }, /which the client sets by itself/],
    [{ CUSTOM_CA_CERT_PATH: '/etc/hostname' }, /holds no PEM certificates|no file/],
  ])('%j', async (env, reason) => {
    const result = await fetchWith({ URL_SOURCE: 'https://example.org/', ...env });
    expect(result).toEqual(failed(reason));
    expect(JSON.stringify(result)).not.toContain('secret');
  });
});

describe('url-fetch as a process', () => {
  test('ends with 1 and says why', async () => {
    const { code, out } = await runInit('url-fetch', { URL_SOURCE: 'http://169.254.169.254/', URL_TARGET: '/x' });
    expect({ code, out }).toEqual({
      code: 1,
      out: expect.stringMatching(/^url-fetch: Error: .*169\.254\.169\.254.*\n$/),
    });
  });

  test('ends with 0 where the file is optional, and says what is missing', async () => {
    const env = { URL_SOURCE: 'http://169.254.169.254/', URL_TARGET: '/x', URL_OPTIONAL: 'true' };
    const { code, out } = await runInit('url-fetch', env);
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringMatching(/^url-fetch: Warning: .*URL_OPTIONAL is set/),
    });
  });
});
