import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sqliteRecords } from '../../../src/adapters/sqlite/sqlite-records.ts';
import { recordsRoutes } from '../../../src/http/records/records-routes.ts';
import { failure } from '../../../src/kernel/failure.ts';
import { fail } from '../../../src/kernel/result.ts';
import type { Records } from '../../../src/ports/records.ts';
import type { RecordStore } from '../../../src/records/store.ts';
import { chainOf, manyRecords, podA, podB } from '../../records/chains.ts';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
let server: Server;
let base: string;
let store: RecordStore;

async function serve(records: Pick<Records, 'list' | 'find' | 'positions' | 'chain'>): Promise<void> {
  const app = express().set('query parser', false);
  app.use('/v1/records', recordsRoutes({ records, log: quiet }));
  server = createServer(app).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  // Listening on TCP, so the address is not a path.
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/records`;
}

async function get(path: string): Promise<{ readonly status: number; readonly text: string; readonly type: string }> {
  const response = await fetch(`${base}${path}`);
  return { status: response.status, text: await response.text(), type: response.headers.get('content-type') ?? '' };
}

beforeEach(() => {
  store = sqliteRecords(':memory:');
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await store.close();
});

describe('the records API', () => {
  const records = [
    ...chainOf(podA, [{ name: 'one' }, { name: 'two', verdict: 'admit', uid: 'u/2', time: '2026-03-02T00:00:00Z' }]),
    ...chainOf(podB, [{ name: 'grüße', verdict: 'unavailable', time: '2026-03-03T00:00:00Z' }]),
  ];
  beforeEach(async () => {
    await store.add(records);
    await serve(store);
  });

  test('lists decisions as they were written, newest first', async () => {
    const { status, text, type } = await get('');
    expect({ status, type }).toEqual({ status: 200, type: 'application/json' });
    const lines = records.map(({ line }): unknown => JSON.parse(line)).toReversed();
    expect(JSON.parse(text)).toEqual({ records: lines });
    expect(text).toContain(records[0]?.line);
  });

  test('turns pages', async () => {
    const first = JSON.parse((await get('?limit=2')).text) as { next: string };
    const second = JSON.parse((await get(`?limit=2&after=${first.next}`)).text) as object;
    expect(second).toMatchObject({ records: [{ name: 'one' }] });
    expect(second).not.toHaveProperty('next');
  });

  test.each([
    { query: '?verdict=refuse', names: ['one'] },
    { query: '?verdict=refuse&verdict=unavailable', names: ['grüße', 'one'] },
    { query: '?name=gr%C3%BC%C3%9Fe', names: ['grüße'] },
    { query: '?since=2026-03-02T00:00:00Z&until=2026-03-03', names: ['two'] },
    { query: '?policy=signed&text=signature&image=registry.example', names: ['grüße', 'two', 'one'] },
    { query: '?kind=Job', names: [] },
  ])('filters: $query', async ({ query, names }) => {
    const { records: found } = JSON.parse((await get(query)).text) as { records: { name: string }[] };
    expect(found.map(({ name }) => name)).toEqual(names);
  });

  test.each([
    { path: '?colour=red', error: '"colour" is not a parameter' },
    { path: '?__proto__=x', error: '"__proto__" is not a parameter' },
    { path: '?verdict=maybe', error: 'verdict: "maybe" is not a verdict' },
    { path: '?limit=0', error: 'limit: "0" is not a number from 1 to 1000' },
    { path: '?limit=1001', error: 'limit: "1001" is not a number from 1 to 1000' },
    { path: '?limit=1e2', error: 'limit: "1e2" is not a number' },
    { path: '?name=a&name=b', error: 'name: it is given more than once' },
    { path: '?name=', error: 'name: it is empty' },
    { path: `?text=${'x'.repeat(1025)}`, error: 'text: it is longer than 1024 characters' },
    { path: '?since=yesterday', error: 'since: "yesterday" is not a time' },
    { path: '?after=nonsense', error: 'after: it is not the next of a page' },
    { path: '/positions?limit=1', error: '"limit" is not a parameter; there are none' },
    { path: '/export?name=x', error: '"name" is not a parameter' },
    { path: '/chain', error: 'writer: it is missing' },
    { path: '/chain?writer=pod-a', error: 'startedAt: it is missing' },
    { path: '/chain?writer=pod-a&startedAt=x&from=-1', error: 'from: "-1" is not a number' },
    { path: `/${'x'.repeat(257)}`, error: 'An id has at most 256 characters.' },
    { path: '/u-1?x=1', error: '"x" is not a parameter' },
  ])('refuses $path', async ({ path, error }) => {
    const { status, text } = await get(path);
    expect({ status, text }).toEqual({
      status: 400,
      text: expect.stringContaining(JSON.stringify(error).slice(1, -1)),
    });
  });

  test('shows all records of one request', async () => {
    const { text } = await get('/u%2F2');
    expect(text).toBe(`{"records":[${records[1]?.line}]}`);
    expect(await get('/nobody')).toMatchObject({ status: 404 });
  });

  test('tells which chains there are, and gives them as they were written', async () => {
    expect(JSON.parse((await get('/positions')).text)).toEqual({
      positions: [
        { writer: podA, first: 1, last: 2, count: 2 },
        { writer: podB, first: 1, last: 1, count: 1 },
      ],
    });
    const chain = await get(`/chain?writer=pod-a&startedAt=${podA.startedAt}&from=2&limit=5`);
    expect(chain).toEqual({ status: 200, text: `${records[1]?.line}\n`, type: 'application/x-ndjson' });
  });

  test('exports one chain after another', async () => {
    const { status, text, type } = await get('/export');
    expect({ status, type }).toEqual({ status: 200, type: 'application/x-ndjson' });
    expect(text).toBe(records.map(({ line }) => `${line}\n`).join(''));
  });

  test.each(['POST', 'PUT', 'DELETE', 'PATCH'])('changes nothing: %s', async (method) => {
    for (const path of ['', '/export', '/u-1']) {
      const response = await fetch(`${base}${path}`, { method });
      expect({ status: response.status, allow: response.headers.get('allow') }).toEqual({
        status: 405,
        allow: 'GET, HEAD',
      });
    }
  });
});

test('exports more than fits into one batch', async () => {
  const records = manyRecords(podA, 1_700);
  await store.add(records);
  await serve(store);
  expect((await get('/export')).text.split('\n')).toHaveLength(1_701);
});

describe('without its database', () => {
  const away = fail(failure('RECORDS_UNAVAILABLE', 'It is away.', 7));

  test.each(['', '/positions', '/export', '/u-1', '/chain?writer=a&startedAt=b'])('says so: %s', async (path) => {
    const answer = async (): Promise<typeof away> => away;
    await serve({ list: answer, find: answer, positions: answer, chain: answer });
    const response = await fetch(`${base}${path}`);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('7');
    expect(await response.json()).toEqual({ error: 'It is away.' });
  });

  test('an export that cannot be finished does not look finished', async () => {
    await store.add(manyRecords(podA, 600));
    let calls = 0;
    const chain: Records['chain'] = async (...args) => ((calls += 1) > 1 ? away : store.chain(...args));
    await serve({ ...store, chain });
    await expect(get('/export')).rejects.toThrow('terminated');
  });
});
