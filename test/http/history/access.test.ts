/** Who may read and write the action history, over the real listeners. */
import { afterEach, expect, test } from 'vitest';
import { printAction } from '../../../src/records/history/action-json.ts';
import { completed } from '../../records/history/actions.ts';
import { bearer, closeScenes, cookieOf, login, openScene, send } from '../console/scene.ts';

afterEach(closeScenes);

const json = { 'content-type': 'application/json' };
const body = JSON.stringify(printAction(completed()));
const path = '/api/v1/audit/execution';

test('a token that may get may read, and not write', async () => {
  const scene = await openScene('token');
  const base = scene.access.allow;
  const { headers } = bearer('viewer');
  scene.access.mayPost = async () => ({ ok: true, value: false });
  expect(base).toBeDefined();
  expect((await send(scene, '/api/v1/audit/actions', { headers })).status).toBe(200);
  expect((await send(scene, '/openapi/action-history.json', { headers })).status).toBe(200);
  const answer = await send(scene, path, { method: 'POST', headers: { ...headers, ...json }, body });
  expect(answer.status).toBe(403);
  expect(answer.text).toContain('does not let them post /v1/audit/execution');
});

test('what every account of a cluster may get, /api and /openapi, is no right to read', async () => {
  const scene = await openScene('token');
  scene.access.allow = (_caller, asked) => /^\/(?:api|openapi)(?:\/|$)/.test(asked);
  for (const asked of ['/api/v1/audit/actions', '/api/v1/audit/actions/uid-1/scale', '/api/v1/audit/effectiveness'])
    expect([asked, (await send(scene, asked, bearer('nobody-special'))).status]).toEqual([asked, 403]);
  expect((await send(scene, '/openapi/action-history.json', bearer('nobody-special'))).status).toBe(200);
});

test('a token that may post may write', async () => {
  const scene = await openScene('token');
  const headers = { ...bearer('viewer').headers, ...json };
  expect((await send(scene, path, { method: 'POST', headers, body })).status).toBe(201);
  expect(scene.access.calls).toContain('mayPost /v1/audit/execution');
  expect(scene.access.calls).not.toContain('mayGet /v1/audit/execution');
});

test.each([
  '/api/v1/audit/actions',
  '/api/v1/audit/effectiveness',
  '/v1/records/actions',
  '/openapi/action-history.json',
])('without a token %s is nothing', async (asked) => {
  expect((await send(await openScene('token'), asked)).status).toBe(401);
});

test('the session of a browser reads and never writes, not even from our own page', async () => {
  const scene = await openScene('token');
  const cookie = cookieOf(await login(scene, 'viewer'));
  expect((await send(scene, '/api/v1/audit/actions', { headers: { cookie } })).status).toBe(200);
  for (const site of ['cross-site', 'same-origin']) {
    const headers = { cookie, ...json, 'sec-fetch-site': site };
    expect((await send(scene, path, { method: 'POST', headers, body })).status).toBe(401);
  }
  expect((await send(scene, '/api/v1/audit/actions/uid-1/scale', { headers: { cookie } })).status).toBe(404);
});

test('the port without tokens is for reading', async () => {
  const scene = await openScene('local');
  expect((await send(scene, '/api/v1/audit/actions')).status).toBe(200);
  const answer = await send(scene, path, { method: 'POST', headers: json, body });
  expect([answer.status, answer.text]).toEqual([403, expect.stringContaining('for reading')]);
  expect((await send(scene, '/api/v1/audit/actions/uid-1/scale')).status).toBe(404);
});
