import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresRecords } from '../../../src/adapters/postgres/postgres-records.ts';
import type { RecordStore } from '../../../src/records/store.ts';
import { value } from '../../contracts/records.ts';
import { manyRecords, podA } from '../../records/chains.ts';
import { hasPostgres, startPostgres, type PostgresServer } from './server.ts';

describe.skipIf(!hasPostgres())('PostgreSQL', () => {
  let server: PostgresServer;
  let store: RecordStore;

  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.remove());
  beforeEach(async () => {
    await server.empty();
    store = postgresRecords({ url: server.url });
  });
  afterEach(() => store.close());

  async function sql(text: string, url = server.url): Promise<void> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      await client.query(text);
    } finally {
      await client.end();
    }
  }

  test('of a newer program is refused with both versions and the way out', async () => {
    await sql('CREATE TABLE countersign_schema (version BIGINT); INSERT INTO countersign_schema VALUES (99)');
    for (const answer of [await store.ready(), await store.add(manyRecords(podA, 1)), await store.list({ limit: 1 })])
      expect(answer).toEqual({
        ok: false,
        failure: {
          code: 'RECORDS_UNAVAILABLE',
          message: expect.stringMatching(
            /schema version 99 .* up to version \d+: run the newer program again, or name/,
          ),
        },
      });
  });

  test('that becomes newer while it is used is not migrated back', async () => {
    value(await store.ready());
    await sql('UPDATE countersign_schema SET version = 99');
    const other = postgresRecords({ url: server.url });
    expect(await other.ready()).toMatchObject({ ok: false });
    await other.close();
  });

  test('that several programs begin to use at once is migrated once', async () => {
    const others = Array.from({ length: 6 }, () => postgresRecords({ url: server.url }));
    expect(await Promise.all(others.map((other) => other.ready()))).toEqual(
      others.map(() => ({ ok: true, value: undefined })),
    );
    await Promise.all(others.map((other) => other.close()));
  });

  test('that is read-only says so, can be asked, and takes decisions again afterwards', async () => {
    value(await store.add(manyRecords(podA, 2)));
    await sql('ALTER DATABASE postgres SET default_transaction_read_only = on');
    const other = postgresRecords({ url: server.url });
    expect(await other.add(manyRecords(podA, 3))).toMatchObject({
      ok: false,
      failure: { message: expect.stringContaining('read-only transaction') },
    });
    expect(value(await other.positions())).toMatchObject([{ count: 2 }]);
    const writing = `${server.url}?options=-c%20default_transaction_read_only%3Doff`;
    await sql('ALTER DATABASE postgres RESET default_transaction_read_only', writing);
    await other.close();
    expect(value(await store.add(manyRecords(podA, 3))).added).toBe(1);
  });

  test('without the right to make tables is enough once they are made', async () => {
    value(await store.ready());
    await sql(
      `DROP ROLE IF EXISTS clerk; CREATE ROLE clerk LOGIN PASSWORD 'x'; GRANT USAGE ON SCHEMA public TO clerk;
       GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO clerk`,
    );
    const clerk = postgresRecords({ url: server.url.replace('test@', 'clerk@') });
    expect(value(await clerk.add(manyRecords(podA, 2))).added).toBe(2);
    await clerk.close();
  });

  test('in another encoding is refused with the way out', async () => {
    const url = await server.createDatabase('latin', "ENCODING 'LATIN1' TEMPLATE template0");
    const latin = postgresRecords({ url });
    expect(await latin.ready()).toMatchObject({
      ok: false,
      failure: { message: expect.stringContaining('its encoding is LATIN1, make one with CREATE DATABASE') },
    });
    await latin.close();
  });

  test('that ends a connection in use is used again with the next question', async () => {
    value(await store.add(manyRecords(podA, 2)));
    await sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'countersign'");
    await expect.poll(async () => (await store.positions()).ok).toBe(true);
  });

  test('takes the password from a file, anew for each connection', async () => {
    await sql("DROP ROLE IF EXISTS locked; CREATE ROLE locked LOGIN SUPERUSER PASSWORD 'secret'");
    const folder = mkdtempSync(join(tmpdir(), 'password-'));
    const passwordFile = join(folder, 'password');
    const url = server.url.replace('test@', 'locked:stale@');
    writeFileSync(passwordFile, 'wrong\n');
    const other = postgresRecords({ url, passwordFile });
    expect(await other.ready()).toMatchObject({ ok: false, failure: { message: expect.stringContaining('password') } });
    writeFileSync(passwordFile, 'secret\n');
    expect(await other.ready()).toMatchObject({ ok: true });
    await other.close();
    const without = postgresRecords({ url, passwordFile: join(folder, 'nowhere') });
    expect(await without.ready()).toMatchObject({ ok: false, failure: { message: expect.stringContaining('ENOENT') } });
    await without.close();
    const inUrl = postgresRecords({ url: server.url.replace('test@', 'locked:secret@') });
    expect(await inUrl.ready()).toMatchObject({ ok: true });
    await inUrl.close();
    rmSync(folder, { recursive: true });
  });

  test('keeps what another lock holds up from waiting for ever', { timeout: 40_000 }, async () => {
    value(await store.ready());
    const holder = new pg.Client({ connectionString: server.url });
    await holder.connect();
    await holder.query('BEGIN; LOCK TABLE countersign_chains IN ACCESS EXCLUSIVE MODE');
    const began = performance.now();
    expect(await store.add(manyRecords(podA, 1))).toMatchObject({ ok: false });
    expect(performance.now() - began).toBeLessThan(20_000);
    await holder.query('ROLLBACK');
    await holder.end();
    expect(value(await store.add(manyRecords(podA, 1))).added).toBe(1);
  });
});

test('a server that takes connections and says nothing is a failure in time', { timeout: 30_000 }, async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  // Listening on TCP, so the address is not a path.
  const { port } = silent.address() as AddressInfo;
  const store = postgresRecords({ url: `postgres://x@127.0.0.1:${port}/x` });
  expect(await store.list({ limit: 1 })).toMatchObject({ ok: false, failure: { code: 'RECORDS_UNAVAILABLE' } });
  await store.close();
  silent.close();
});
