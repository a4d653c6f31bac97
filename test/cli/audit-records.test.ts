import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import express from 'express';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sqliteRecords } from '../../src/adapters/sqlite/sqlite-records.ts';
import { recordsRoutes } from '../../src/http/records/records-routes.ts';
import type { RecordStore } from '../../src/records/store.ts';
import { manyRecords, podA, podB } from '../records/chains.ts';
import { json, run, type Ran } from './run.ts';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
let folder: string;
let file: string;
let store: RecordStore;
let server: Server;
let url: string;

/** Names of two Pods, and one decision more than fits into a page. */
const records = [...manyRecords(podA, 1_001), ...manyRecords(podB, 2, { name: 'of-b', verdict: 'admit' })];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'audit-records-'));
  file = join(folder, 'records.db');
  store = sqliteRecords(file);
  await store.add(records);
  const app = express().set('query parser', false);
  app.use((request, response, next) => {
    if (request.headers.authorization === 'Bearer good') next();
    else response.status(401).json({ error: 'Who is asking?' });
  });
  app.use('/v1/records', recordsRoutes({ records: store, log: quiet }));
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

describe.each(['a database', 'the records API'])('audit with %s', (kind) => {
  const audit = (...args: readonly string[]): Promise<Ran> =>
    run('audit', ...args, ...(kind === 'a database' ? ['--database', file] : ['--records', url, '--token', 'good']));

  test('lists the newest, oldest first', async () => {
    const ran = await audit('list', '--limit', '3', '-o', 'json');
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(json(ran)).toMatchObject([{ sequence: 999 }, { sequence: 1_000 }, { sequence: 1_001 }]);
    expect((await audit('list', '--limit', '1')).out).toContain('refuse   validate  Pod shop/web');
  });

  test('lists more than a page, and filters', async () => {
    expect(json(await audit('list', '--limit', '5000', '-o', 'json'))).toHaveLength(1_003);
    expect(json(await audit('list', '--verdict', 'admit', '-o', 'json'))).toHaveLength(2);
    expect(json(await audit('list', '--policy', 'other', '-o', 'json'))).toEqual([]);
  });

  test('shows one decision in full', async () => {
    expect(json(await audit('show', 'c-700', '-o', 'json'))).toMatchObject([
      { uid: 'u-700', prev: expect.any(String) },
    ]);
    expect(await audit('show', 'nobody')).toMatchObject({ code: 2, err: expect.stringContaining('"nobody"') });
  });

  test('proves every chain', async () => {
    const ran = await audit('verify', '-o', 'json');
    expect(ran.code).toBe(0);
    expect(json(ran)).toMatchObject({
      records: 1_003,
      verdict: 'intact',
      chains: [
        { writer: podA, first: 1, last: 1_001, hash: records[1_000]?.hash },
        { writer: podB, first: 1, last: 2 },
      ],
    });
    const noted = records[500]?.hash ?? '';
    expect(await audit('verify', '--head', noted)).toMatchObject({ code: 0 });
    expect(await audit('verify', '--head', 'f'.repeat(64))).toMatchObject({ code: 1 });
  });

  test('exports what is proven without it', async () => {
    const { code, out } = await audit('export');
    expect(code).toBe(0);
    expect(out).toBe(records.map(({ line }) => `${line}\n`).join(''));
    const exported = join(folder, 'export.jsonl');
    writeFileSync(exported, out);
    expect(await run('audit', 'verify', '--exported', exported)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^intact {2}1003 records\n {2}pod-a since .*: 1 to 1001, the last with hash /),
    });
    writeFileSync(exported, out.replace('"u-77"', '"u-78"'));
    const broken = await run('audit', 'verify', '--exported', exported);
    expect(broken.code).toBe(1);
    expect(broken.out).toContain(`${exported}:77: its content does not fit its hash`);
  });
});

describe('audit verify', () => {
  const tampered: readonly { name: string; sql: string; why: string }[] = [
    {
      name: 'changed',
      sql: `UPDATE countersign_records SET line = replace(line, 'refuse', 'admit') WHERE sequence = 7`,
      why: ':7: its content does not fit its hash',
    },
    {
      name: 'removed',
      sql: 'DELETE FROM countersign_records WHERE sequence = 7',
      why: 'number 8 of pod-a where number 7',
    },
    {
      name: 'exchanged',
      sql: `UPDATE countersign_records SET line = (SELECT line FROM countersign_records WHERE sequence = 9) WHERE sequence = 7`,
      why: 'number 9 of pod-a where number 7',
    },
  ];

  test.each(tampered)('finds that a record in the database was $name', async ({ sql, why }) => {
    await store.close();
    const database = new DatabaseSync(file);
    database.exec(sql);
    database.close();
    const ran = await run('audit', 'verify', '--database', file);
    expect(ran.code).toBeGreaterThan(0);
    expect(ran.out + ran.err).toContain(why);
  });

  test('finds that an export was cut', async () => {
    const { out } = await run('audit', 'export', '--database', file);
    const exported = join(folder, 'export.jsonl');
    writeFileSync(exported, out.slice(0, -30));
    expect(await run('audit', 'verify', '--exported', exported)).toMatchObject({
      code: 1,
      out: expect.stringContaining('its end is missing'),
    });
  });

  test('tells where retention removed the beginning', async () => {
    expect(await store.removeOld(new Date('2026-03-01T12:00:00Z'), { records: 10 })).toMatchObject({ ok: true });
    const ran = await run('audit', 'verify', '--database', file);
    expect(ran.code).toBe(0);
    expect(ran.out).toContain('the chain of pod-a begins with record number 992');
  });

  test('exports and proves a decision log, too', async () => {
    const log = join(folder, 'log.jsonl');
    writeFileSync(log, `${manyRecords(podA, 3).map(({ line }) => line).join('\n')}\n`); // prettier-ignore
    const { out } = await run('audit', 'export', '--decision-log', log);
    expect(out).toBe(readFileSync(log, 'utf8'));
  });
});

describe('an audit that cannot be made', () => {
  test.each([
    { name: 'nobody answers', args: ['--records', 'http://127.0.0.1:9'], code: 3, says: 'cannot be asked' },
    {
      name: 'there is no such file',
      args: ['--database', '/nowhere.db'],
      code: 2,
      says: 'there is no file /nowhere.db',
    },
    { name: 'the address is none', args: ['--records', 'ftp://x'], code: 2, says: '--records: "ftp://x" is not' },
    { name: 'the kubeconfig is missing', args: ['--kubeconfig', '/nowhere'], code: 2, says: 'kubeconfig /nowhere' },
    {
      name: 'two places are named',
      args: ['--records', 'http://x', '--database', 'y'],
      code: 2,
      says: '--records or --database',
    },
    {
      name: 'PostgreSQL is away',
      args: ['--database', 'postgres://127.0.0.1:9/x'],
      code: 3,
      says: 'The records database cannot be used',
    },
    { name: 'the URL is unknown', args: ['--database', 'mysql://x/y'], code: 2, says: 'neither a postgres:// URL' },
  ])('because $name says so in one line', async ({ args, code, says }) => {
    const ran = await run('audit', 'list', ...args);
    expect(ran).toEqual({ code, out: '', err: expect.stringContaining(says) });
    expect(ran.err.trim().split('\n')).toHaveLength(1);
  });

  test('because the token is wrong says what the other end says', async () => {
    const ran = await run('audit', 'list', '--records', url, '--token', 'bad');
    expect(ran.code).toBe(3);
    expect(ran.err).toContain('answers 401: Who is asking?');
  });
});
