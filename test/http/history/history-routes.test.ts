import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sqliteRecords } from '../../../src/adapters/sqlite/sqlite-records.ts';
import { historyChanges, historyRoutes } from '../../../src/http/history/history-routes.ts';
import { failure } from '../../../src/kernel/failure.ts';
import { fail } from '../../../src/kernel/result.ts';
import type { ActionHistory } from '../../../src/ports/action-history.ts';
import { printAction, printAssessment } from '../../../src/records/history/action-json.ts';
import type { RecordStore } from '../../../src/records/store.ts';
import { assessment, at, began, completed, executing, manyActions } from '../../records/history/actions.ts';

let server: Server;
let base: string;
let store: RecordStore;

async function serve(history: ActionHistory): Promise<void> {
  const app = express().set('query parser', false);
  const clock = { now: () => new Date(began + 3_600_000) };
  app.use('/api/v1/audit', historyRoutes({ history, clock }));
  app.use('/v1/records/actions', historyChanges(history));
  server = createServer(app).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  // Listening on TCP, so the address is not a path.
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function get(path: string): Promise<Answer> {
  const response = await fetch(`${base}/api/v1/audit${path}`);
  return { status: response.status, body: await response.json() };
}

async function post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const response = await fetch(`${base}/api/v1/audit${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

beforeEach(async () => {
  store = sqliteRecords(':memory:');
  await serve(store.history);
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await store.close();
});

describe('asking', () => {
  beforeEach(async () => void (await store.history.record(manyActions(40))));

  test('lists what fits, newest first, in pages', async () => {
    const query = '?action_type=git%2Fcommit&status=completed&engine=job&namespace=production&time_range=90d&limit=5';
    const first = await get(`/actions${query}`);
    expect(first.status).toBe(200);
    expect(first.body).toMatchObject({
      actions: [{ workflow_uid: 'uid-37', executed_at: at(37 * 60_000) }, {}, {}, {}, {}],
    });
    const { next } = first.body as { readonly next: string };
    const second = await get(`/actions${query}&after=${next}`);
    expect(second.body).toMatchObject({ actions: expect.anything() });
    const uids = [first, second].flatMap(({ body }) =>
      (body as { readonly actions: readonly { readonly workflow_uid: string }[] }).actions.map(
        (one) => one.workflow_uid,
      ),
    );
    expect(new Set(uids).size).toBe(uids.length);
  });

  test('a time range counts back from now', async () => {
    expect(await get('/actions?time_range=30m')).toMatchObject({ body: { actions: { length: 10 } } });
    expect(await get('/actions?time_range=1h0m30s')).toMatchObject({ body: { actions: { length: 40 } } });
  });

  test('gives one record, and the oldest', async () => {
    const [first] = manyActions(1);
    if (first === undefined) throw new Error('no action');
    expect(await get('/actions/uid-0/scale')).toEqual({ status: 200, body: printAction(first) });
    expect(await get('/actions/oldest')).toEqual({ status: 200, body: printAction(first) });
    expect((await get('/actions/uid-0/other')).status).toBe(404);
  });

  test('gives effectiveness by type and engine', async () => {
    const { status, body } = await get('/effectiveness?action_type=git%2Fcommit&time_range=90d');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      effectiveness: [
        {
          action_type: 'git/commit',
          runs: 20,
          completed: 16,
          failed: 4,
          success_rate: 0.8,
          engines: { job: { runs: expect.any(Number) }, tekton: { runs: expect.any(Number) } },
          assessments: 0,
        },
      ],
    });
  });

  test.each([
    ['/actions?colour=red', '"colour" is not a parameter; they are action_type'],
    ['/actions?time_range=90', 'time_range: "90" is not a time such as 90d, 24h or 1h30m'],
    ['/actions?time_range=-1h', 'time_range: "-1h"'],
    ['/actions?time_range=9999999d', 'time_range: "9999999d"'],
    ['/actions?status=done', 'status: "done" is none of executing, completed'],
    ['/actions?engine=cron', 'engine: "cron" is none of job, tekton'],
    ['/actions?limit=0', 'limit: "0" is not a number from 1 to 1000'],
    ['/actions?limit=1001', 'limit: "1001" is not'],
    ['/actions?limit=1&limit=2', 'limit: it is given more than once'],
    ['/actions?after=x', 'after: it is not the next of a page'],
    ['/actions?workflow=', 'workflow: it is empty'],
    [`/actions?workflow=${'x'.repeat(5_000)}`, 'workflow: it is longer than'],
    ['/actions/oldest?limit=1', '"limit" is not a parameter; there are none'],
    ['/effectiveness?status=failed', '"status" is not a parameter; they are action_type, time_range'],
  ])('%s is refused with the name of the parameter', async (path, says) => {
    expect(await get(path)).toEqual({ status: 400, body: { error: expect.stringContaining(says) } });
  });
});

test('there is nothing where there is nothing', async () => {
  expect(await get('/actions/oldest')).toEqual({ status: 404, body: { error: 'No action is recorded.' } });
  expect((await get('/events')).status).toBe(404);
  expect((await get('')).status).toBe(404);
});

describe('writing', () => {
  test('an execution, and its end', async () => {
    expect(await post('/execution', printAction(executing()))).toEqual({ status: 201, body: { id: 'uid-1/scale' } });
    expect((await post('/execution', printAction(completed()))).status).toBe(201);
    expect((await post('/execution', printAction(executing()))).status).toBe(201);
    expect(await get('/actions/uid-1/scale')).toEqual({ status: 200, body: printAction(completed()) });
  });

  test('a workflow with its steps', async () => {
    const { step: _a, ...rest } = printAction(completed());
    const common = Object.fromEntries(
      ['workflow_uid', 'workflow_id', 'namespace', 'engine'].map((name) => [name, rest[name]] as const),
    );
    const own = Object.fromEntries(
      ['action_type', 'image', 'inputs', 'status', 'executed_at'].map((name) => [name, rest[name]] as const),
    );
    const body = {
      ...common,
      actions: [
        { step: 'a', ...own },
        { step: 'b', ...own },
      ],
    };
    expect(await post('/workflow', body)).toEqual({ status: 201, body: { id: 'uid-1' } });
    expect(await get('/actions')).toMatchObject({ body: { actions: [{ step: 'b' }, { step: 'a' }] } });
    expect(await post('/workflow', { ...body, actions: [] })).toMatchObject({ status: 400 });
    expect(
      await post('/workflow', {
        ...body,
        actions: [
          { step: 'a', ...own },
          { step: 'a', ...own },
        ],
      }),
    ).toEqual({
      status: 400,
      body: { error: 'actions: step a occurs twice' },
    });
    const { status: _status, ...without } = own;
    expect(await post('/workflow', { ...body, actions: [{ step: 'a', ...without }] })).toEqual({
      status: 400,
      body: { error: 'actions[0].status: it is missing' },
    });
  });

  test('an assessment', async () => {
    expect(await post('/effectiveness', printAssessment(assessment()))).toEqual({
      status: 201,
      body: { id: 'uid-1/scale/effectiveness-monitor' },
    });
    expect(await get('/effectiveness')).toMatchObject({
      body: { effectiveness: [{ assessments: 1, mean_score: 0.75 }] },
    });
  });

  const whole = printAction(completed());
  test.each<[string, unknown, string]>([
    ['an unknown field', { ...whole, colour: 'red' }, 'colour: there is no such field; they are workflow_uid'],
    ['a missing field', { ...whole, engine: undefined }, 'engine: it is missing'],
    ['an empty name', { ...whole, step: '' }, 'step: it is empty'],
    ['no text', { ...whole, namespace: 7 }, 'namespace: it is not text'],
    ['a long name', { ...whole, step: 'x'.repeat(300) }, 'step: it is longer than 253 characters'],
    ['an unknown status', { ...whole, status: 'done' }, 'status: it is none of executing'],
    ['no time', { ...whole, executed_at: '2031-02-31' }, 'executed_at: it is not a time'],
    ['a negative duration', { ...whole, duration_ms: -1 }, 'duration_ms: it is not a whole number'],
    ['half an exit code', { ...whole, exit_code: 1.5 }, 'exit_code: it is not a whole number'],
    ['inputs that are none', { ...whole, inputs: [] }, 'inputs: it is not an object'],
    ['signers that are none', { ...whole, signers: [7] }, 'signers: it is not text'],
    ['a list', [whole], 'the body: it is not an object'],
    ['text that is no JSON', '{"workflow_uid"', 'the body: not valid JSON'],
    ['a key twice', '{"step":"a","step":"b"}', 'the body: key "step" occurs twice'],
  ])('%s is refused with the name of the field', async (_name, body, says) => {
    expect(await post('/execution', body)).toEqual({ status: 400, body: { error: expect.stringContaining(says) } });
    expect(await get('/actions')).toEqual({ status: 200, body: { actions: [] } });
  });

  test('a score beyond its range is refused', async () => {
    const body = { ...printAssessment(assessment()), score: 1.1 };
    expect(await post('/effectiveness', body)).toEqual({
      status: 400,
      body: { error: 'score: it is not a number from 0 to 1' },
    });
  });

  test('what a form could send, and what is too large, is refused unread', async () => {
    expect((await post('/execution', printAction(executing()), { 'content-type': 'text/plain' })).status).toBe(415);
    const inputs = { text: 'x'.repeat(1_100_000) };
    expect(await post('/execution', printAction(executing({ inputs })))).toMatchObject({
      status: 413,
      body: { error: expect.stringContaining('larger than 1048576 bytes') },
    });
  });

  test.each(['PUT', 'DELETE', 'PATCH'])('%s is answered with what there is', async (method) => {
    for (const [path, allow] of [
      ['/actions', 'GET, HEAD'],
      ['/execution', 'POST'],
      ['/effectiveness', 'GET, HEAD, POST'],
    ] as const) {
      const response = await fetch(`${base}/api/v1/audit${path}`, { method });
      expect([response.status, response.headers.get('allow')]).toEqual([405, allow]);
    }
  });
});

test('changes for other replicas', async () => {
  await store.history.record([completed()]);
  const response = await fetch(`${base}/v1/records/actions?after=0&limit=10`);
  expect(await response.json()).toEqual({
    store: expect.stringMatching(/^[\da-f-]{36}$/),
    changes: [{ change: 1, action: printAction(completed()) }],
  });
  expect((await fetch(`${base}/v1/records/actions?after=x`)).status).toBe(400);
});

test('a database that is away is 503, and when to try again', async () => {
  const away = async (): Promise<never> => Promise.reject(new Error('unused'));
  const failing = async () => fail(failure('RECORDS_UNAVAILABLE', 'The records database cannot be used: gone.', 5));
  server.close();
  await serve({
    record: failing,
    assess: failing,
    list: failing,
    find: failing,
    oldest: failing,
    effectiveness: failing,
    changes: away,
  });
  for (const path of ['/actions', '/actions/oldest', '/actions/a/b', '/effectiveness']) {
    const response = await fetch(`${base}/api/v1/audit${path}`);
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
  }
  expect((await post('/execution', printAction(executing()))).status).toBe(503);
});
