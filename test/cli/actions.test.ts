import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sqliteRecords } from '../../src/adapters/sqlite/sqlite-records.ts';
import { historyRoutes } from '../../src/http/history/history-routes.ts';
import { printAction } from '../../src/records/history/action-json.ts';
import type { RecordStore } from '../../src/records/store.ts';
import { at, completed, failed, manyActions } from '../records/history/actions.ts';
import { json, run, type Ran } from './run.ts';

let folder: string;
let file: string;
let store: RecordStore;
let server: Server;
let url: string;

/** One more than fits into a page, and two of a workflow of their own. */
const many = manyActions(1_001);
const own = [
  completed({ workflowUid: 'own', workflowId: 'own', executedAt: at(-2_000) }),
  failed({ workflowUid: 'own', workflowId: 'own', step: 'verify', executedAt: at(-1_000) }),
];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'actions-'));
  file = join(folder, 'records.db');
  store = sqliteRecords(file);
  await store.history.record([...many, ...own]);
  const app = express().set('query parser', false);
  app.use((request, response, next) => {
    if (request.headers.authorization === 'Bearer good') next();
    else response.status(401).json({ error: 'Who is asking?' });
  });
  app.use('/api/v1/audit', historyRoutes({ history: store.history, clock: { now: () => new Date() } }));
  server = createServer(app).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  // Listening on TCP, so the address is not a path.
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await store.close();
  rmSync(folder, { recursive: true });
});

describe.each(['a database', 'the API'])('actions with %s', (kind) => {
  const actions = (...args: readonly string[]): Promise<Ran> =>
    run('actions', ...args, ...(kind === 'a database' ? ['--database', file] : ['--records', url, '--token', 'good']));

  test('lists the newest, oldest first', async () => {
    const ran = await actions('list', '--limit', '2', '-o', 'json');
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(json(ran)).toEqual(many.slice(-2).map(printAction));
  });

  test('lists more than a page', async () => {
    expect(json(await actions('list', '--limit', '5000', '-o', 'json'))).toHaveLength(1_003);
  });

  test('lists as a table what fits all filters', async () => {
    const filters = ['--status', 'failed', '--engine', 'job', '--workflow', 'own', '--in-namespace', 'production'];
    const more = ['--type', 'kubernetes/scale_deployment', '--since', at(-60_000)];
    const { code, out } = await actions('list', ...filters, ...more);
    expect(code).toBe(0);
    expect(out.split('\n').map((line) => line.trim().split(/ {2,}/))).toEqual([
      ['TIME', 'STATUS', 'STEP', 'TYPE', 'ENGINE', 'RESULT'],
      [at(-1_000), 'failed', 'production/own/verify', 'kubernetes/scale_deployment', 'job', 'TaskFailed: exit code 1'],
      [''],
    ]);
    expect(json(await actions('list', ...filters, '--since', at(0), '-o', 'json'))).toEqual([]);
  });

  test.each([
    ['by UID', 'own', ['scale', 'verify']],
    ['by name', 'workflow-3', undefined],
  ])('shows a workflow %s', async (_how, workflow, steps) => {
    const shown = json(await actions('show', workflow, '-o', 'json'));
    expect(shown).toMatchObject(
      steps === undefined
        ? many.filter(({ workflowId }) => workflowId === workflow).map(printAction)
        : steps.map((step) => ({ workflow_uid: workflow, step })),
    );
  });

  test('shows in full as YAML, and nobody whom there is not', async () => {
    expect((await actions('show', 'own')).out).toContain('failure_message: exit code 1');
    const none = await actions('show', 'nobody');
    expect([none.code, none.err]).toEqual([2, expect.stringContaining('UID or name "nobody"')]);
  });
});

test.each([
  [['list'], 'where are the records? --records, --database, --kubeconfig say so'],
  [['list', '--database', 'a', '--records', 'http://b'], 'records are read from one place: --records or --database'],
  [['list', '--database', '/nowhere/at/all'], 'there is no file'],
  [['list', '--records', 'nowhere'], 'is not an http or https address'],
  [['list', '--database', 'a', '--status', 'done'], 'completed'],
])('%j is a mistake', async (args, sentence) => {
  const ran = await run('actions', ...args);
  expect([ran.code, ran.err]).toEqual([2, expect.stringContaining(sentence)]);
});

test.each([
  [['--limit', '0'], '--limit: "0" is not a number of records'],
  [['--since', 'yesterday'], '--since: "yesterday" is not a time'],
])('%j is a mistake', async (args, sentence) => {
  const ran = await run('actions', 'list', '--database', file, ...args);
  expect([ran.code, ran.err]).toEqual([2, expect.stringContaining(sentence)]);
});

test('whoever may not ask is told so', async () => {
  const ran = await run('actions', 'list', '--records', url, '--token', 'bad');
  expect([ran.code, ran.err]).toEqual([3, expect.stringContaining('answers 401: Who is asking?')]);
});
