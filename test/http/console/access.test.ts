import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { recordsRoutes } from '../../../src/http/records/records-routes.ts';
import { sqliteRecords } from '../../../src/adapters/sqlite/sqlite-records.ts';
import { startConsole } from '../../../src/http/console/start-console.ts';
import { bearer, catalogue, closeScenes, cookieOf, decision, login, openScene, send, type Scene } from './scene.ts';

afterEach(closeScenes);

/** What only those may see who are let in. */
const secret = 'registry.example/shop/web';

async function scene(): Promise<Scene> {
  const opened = await openScene('token');
  opened.records.put(decision());
  return opened;
}

const everyPage = [
  '/console',
  '/console/decisions/uid-1',
  '/console/policies',
  '/console/policies/ClusterImagePolicy/shop-images',
];

describe('with tokens', () => {
  test.each(everyPage)('%s without a token asks for one and shows nothing', async (path) => {
    const { status, headers, text } = await send(await scene(), path);
    expect(status).toBe(401);
    expect(headers['www-authenticate']).toBe('Bearer');
    expect(text).toContain('<input');
    expect(text).not.toContain(secret);
  });

  test.each([
    ["one that is nobody's", 'Bearer unknown'],
    ['an empty one', 'Bearer '],
    ['one that no header could hold', 'Bearer a b'],
    ['another scheme', 'Basic dmlld2VyOnZpZXdlcg=='],
    ['no scheme', 'viewer'],
    ['one that is far too long', `Bearer ${'a'.repeat(12_000)}`],
    ['two at once', 'Bearer viewer, Bearer viewer'],
  ])('refuses %s', async (_what, authorization) => {
    const { status, text } = await send(await scene(), '/console', { headers: { authorization } });
    expect([401, 431]).toContain(status);
    expect(text).not.toContain(secret);
  });

  test('shows a bearer of a token what it may see, and asks the cluster once a minute', async () => {
    const opened = await scene();
    for (const path of [...everyPage, '/console']) {
      const { status, text } = await send(opened, path, bearer('viewer'));
      expect([path, status]).toEqual([path, 200]);
      expect(text).toContain('jane@example.com');
    }
    expect(opened.access.calls.filter((call) => call === 'identify')).toHaveLength(1);
    expect(opened.access.calls).toContain('mayGet /console/decisions/uid-1');
    opened.later(60_001);
    opened.access.tokens.clear();
    expect((await send(opened, '/console', bearer('viewer'))).status).toBe(401);
  });

  test('takes a token to have ended when it says so, not when the cluster is asked again', async () => {
    const opened = await scene();
    const expires = new Date(Date.parse('2026-01-02T04:04:05.000Z') + 10_000).toISOString();
    opened.access.tokens.set('short', { user: 'jane', groups: ['viewers'], extra: {}, expires });
    expect((await send(opened, '/console', bearer('short'))).status).toBe(200);
    opened.later(10_001);
    expect((await send(opened, '/console', bearer('short'))).status).toBe(401);
  });

  test('tells whom the cluster does not allow it which role is missing', async () => {
    const { status, text } = await send(await scene(), '/console', bearer('nobody-special'));
    expect(status).toBe(403);
    expect(text).toContain('countersign-console-viewer');
    expect(text).toContain('joe@example.com');
    expect(text).not.toContain(secret);
  });

  test('lets nobody in while the cluster cannot be asked', async () => {
    const opened = await scene();
    opened.access.broken = true;
    const { status, headers, text } = await send(opened, '/console', bearer('viewer'));
    expect(status).toBe(503);
    expect(headers['retry-after']).toBe('5');
    expect(text).not.toContain(secret);
    opened.access.broken = false;
    expect((await send(opened, '/console', bearer('viewer'))).status).toBe(200);
  });

  test("asks no more for an address that shows many tokens that are nobody's", async () => {
    const opened = await scene();
    for (let guess = 0; guess < 20; guess += 1) await send(opened, '/console', bearer(`guess-${guess}`));
    const asked = opened.access.calls.length;
    const { status, headers } = await send(opened, '/console', bearer('guess-20'));
    expect(status).toBe(429);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    expect((await login(opened, 'guess-21')).status).toBe(429);
    expect(opened.access.calls).toHaveLength(asked);
    opened.later(60_001);
    expect((await send(opened, '/console', bearer('viewer'))).status).toBe(200);
  });

  test('the stylesheet and the login page are for everybody', async () => {
    const opened = await scene();
    expect((await send(opened, '/console/style.css')).headers['content-type']).toContain('text/css');
    expect((await send(opened, '/console/login')).status).toBe(200);
    expect(opened.access.calls).toEqual([]);
  });
});

describe('sessions', () => {
  test('begin with a token and go on without it', async () => {
    const opened = await scene();
    const answer = await login(opened, 'viewer');
    expect(answer.status).toBe(303);
    expect(answer.headers.location).toBe('/console/policies');
    expect(answer.headers['set-cookie']?.[0]).toMatch(
      /^__Host-countersign=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/,
    );
    const cookie = cookieOf(answer);
    expect((await send(opened, '/console', { headers: { cookie } })).status).toBe(200);
    expect(cookie).not.toContain('viewer');
  });

  test.each([
    ["a token that is nobody's", 'unknown', 401],
    ['no token', '', 401],
    ['somebody who may not look', 'nobody-special', 403],
  ])('do not begin with %s', async (_what, token, status) => {
    const answer = await login(await scene(), token);
    expect(answer.status).toBe(status);
    expect(answer.headers['set-cookie']).toBeUndefined();
  });

  test('do not begin while the cluster cannot be asked', async () => {
    const opened = await scene();
    opened.access.broken = true;
    const answer = await login(opened, 'viewer');
    expect(answer.status).toBe(503);
    expect(answer.headers['set-cookie']).toBeUndefined();
  });

  test.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['another host of this site', { 'sec-fetch-site': 'same-site' }],
    ['an address bar', { 'sec-fetch-site': 'none' }],
    ['another origin, in an older browser', { 'sec-fetch-site': '', origin: 'https://evil.example' }],
    ['an origin that hides', { 'sec-fetch-site': '', origin: 'null' }],
  ])('do not begin with a form from %s', async (_what, headers) => {
    const opened = await scene();
    const answer = await login(opened, 'viewer', headers);
    expect(answer.status).toBe(403);
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(opened.access.calls).toEqual([]);
  });

  test('do not begin with a form that says nothing of where it is from', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await send(await scene(), '/console/login', { method: 'POST', body: 'token=viewer', headers });
    expect(answer.status).toBe(403);
  });

  test('begin with a form from the same origin in a browser that only tells the origin', async () => {
    const opened = await scene();
    const body = 'token=viewer';
    const headers = { 'content-type': 'application/x-www-form-urlencoded', origin: opened.origin };
    expect((await send(opened, '/console/login', { method: 'POST', body, headers })).status).toBe(303);
  });

  test('have a name that nobody can choose beforehand', async () => {
    const opened = await scene();
    const planted = `__Host-countersign=${'A'.repeat(43)}`;
    const answer = await login(opened, 'viewer', { cookie: planted });
    expect(cookieOf(answer)).not.toBe(planted);
    expect((await send(opened, '/console', { headers: { cookie: planted } })).status).toBe(401);
    const again = await login(opened, 'viewer', { cookie: cookieOf(answer) });
    expect(cookieOf(again)).not.toBe(cookieOf(answer));
    expect((await send(opened, '/console', { headers: { cookie: cookieOf(answer) } })).status).toBe(401);
  });

  test('two cookies of the name are none', async () => {
    const opened = await scene();
    const cookie = cookieOf(await login(opened, 'viewer'));
    const both = `__Host-countersign=${'A'.repeat(43)}; ${cookie}`;
    expect((await send(opened, '/console', { headers: { cookie: both } })).status).toBe(401);
  });

  test('end after a quarter of an hour without use', async () => {
    const opened = await scene();
    const headers = { cookie: cookieOf(await login(opened, 'viewer')) };
    for (let visit = 0; visit < 3; visit += 1) {
      opened.later(14 * 60_000);
      expect((await send(opened, '/console', { headers })).status).toBe(200);
    }
    opened.later(15 * 60_000);
    expect((await send(opened, '/console', { headers })).status).toBe(401);
  });

  test('end after eight hours, however they are used', async () => {
    const opened = await scene();
    const headers = { cookie: cookieOf(await login(opened, 'viewer')) };
    const statuses: number[] = [];
    for (let visit = 0; visit < 49; visit += 1) {
      opened.later(10 * 60_000);
      statuses.push((await send(opened, '/console', { headers })).status);
    }
    expect(statuses.indexOf(401)).toBe(47);
  });

  test('end with the token that they began with', async () => {
    const opened = await scene();
    const expires = new Date(Date.parse('2026-01-02T04:04:05.000Z') + 60_000).toISOString();
    opened.access.tokens.set('short', { user: 'jane', groups: ['viewers'], extra: {}, expires });
    const headers = { cookie: cookieOf(await login(opened, 'short')) };
    expect((await send(opened, '/console', { headers })).status).toBe(200);
    opened.later(60_000);
    expect((await send(opened, '/console', { headers })).status).toBe(401);
  });

  test('show nothing a minute after the permission was taken away', async () => {
    const opened = await scene();
    const headers = { cookie: cookieOf(await login(opened, 'viewer')) };
    expect((await send(opened, '/console', { headers })).status).toBe(200);
    opened.access.allow = () => false;
    opened.later(60_001);
    expect((await send(opened, '/console', { headers })).status).toBe(403);
  });

  test('end when somebody signs out, and not by a link from elsewhere', async () => {
    const opened = await scene();
    const cookie = cookieOf(await login(opened, 'viewer'));
    const foreign = { method: 'POST', headers: { cookie, 'sec-fetch-site': 'cross-site' } };
    expect((await send(opened, '/console/logout', foreign)).status).toBe(403);
    expect((await send(opened, '/console', { headers: { cookie } })).status).toBe(200);
    const own = { method: 'POST', headers: { cookie, 'sec-fetch-site': 'same-origin' } };
    const answer = await send(opened, '/console/logout', own);
    expect(answer.headers['set-cookie']?.[0]).toContain('Max-Age=0');
    expect((await send(opened, '/console', { headers: { cookie } })).status).toBe(401);
  });

  test.each([
    '//evil.example',
    'https://evil.example',
    '/console/../v1',
    '/console\\evil',
    '/v1/records',
    '/console/login',
    '/console/a\r\nset-cookie: x=1',
  ])('do not lead on to %j', async (next) => {
    const body = new URLSearchParams({ token: 'viewer', next }).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' };
    const answer = await send(await scene(), '/console/login', { method: 'POST', body, headers });
    expect(answer.status).toBe(303);
    expect(answer.headers.location).toMatch(/^\/console(?:\/\.\.\/v1)?$/);
  });

  test('a form that is far too large is refused', async () => {
    const opened = await scene();
    expect((await login(opened, 'a'.repeat(100_000))).status).toBe(413);
    expect(opened.access.calls).toEqual([]);
  });
});

describe('what programs ask for', () => {
  test('is behind the same guard, and refused as JSON', async () => {
    const opened = await scene();
    const answers = await Promise.all([
      send(opened, '/v1/records/positions'),
      send(opened, '/v1/records/positions', bearer('unknown')),
      send(opened, '/v1/records/positions', bearer('nobody-special')),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 403]);
    for (const { headers, text } of answers) {
      expect(headers['content-type']).toContain('application/json');
      expect(text).not.toContain('countersign-0');
    }
    const { text } = await send(opened, '/v1/records/positions', bearer('records-only'));
    expect(text).toContain('countersign-0');
    expect(opened.access.calls).toContain('mayGet /v1/records/positions');
  });

  test('does not open the console to whom only it is allowed', async () => {
    const opened = await scene();
    expect((await send(opened, '/console', bearer('records-only'))).status).toBe(403);
  });
});

describe('without tokens, on the loopback', () => {
  test.each(['localhost', 'localhost:8080', '127.0.0.1:8080', '[::1]:8080'])('answers to %s', async (host) => {
    const opened = await openScene('local');
    expect((await send(opened, '/console', { headers: { host } })).status).toBe(200);
    expect(opened.access.calls).toEqual([]);
  });

  test.each([
    'evil.example',
    'evil.example:8080',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'localhost@evil.example',
    'localhost:http',
  ])('does not answer to a page of %j whose name means 127.0.0.1', async (host) => {
    const opened = await openScene('local');
    opened.records.put(decision());
    const { status, text } = await send(opened, '/console', { headers: { host } });
    expect([400, 421]).toContain(status);
    expect(text).not.toContain(secret);
  });

  test.each(['0.0.0.0', '::', '10.0.0.1', 'localhost'])('does not begin to listen on %s', async (host) => {
    const { records } = await openScene('local');
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const deps = {
      history: sqliteRecords(':memory:').history,
      records,
      api: recordsRoutes({ records, log }),
      policies: catalogue(),
      clock: { now: () => new Date() },
      log,
    };
    await expect(startConsole({ kind: 'local', address: { host, port: 0 } }, deps)).rejects.toThrow('127.0.0.1');
  });

  test('has no login', async () => {
    const opened = await openScene('local');
    expect((await send(opened, '/console/login')).status).toBe(404);
    expect((await send(opened, '/console/logout', { method: 'POST' })).status).toBe(405);
  });
});

test('bytes that are no request are answered and cut off', async () => {
  const { console } = await openScene('local');
  const received = await new Promise<string>((resolve) => {
    let text = '';
    const socket = connect(console.address, () => socket.write('\x16\x03\x01 nonsense\r\n\r\n'));
    socket.on('data', (chunk: Buffer) => (text += chunk.toString())).on('close', () => resolve(text));
  });
  expect(received).toMatch(/^HTTP\/1\.1 400 /);
});
