import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { postgresRecords } from '../../src/adapters/postgres/postgres-records.ts';
import { sqliteRecords } from '../../src/adapters/sqlite/sqlite-records.ts';
import { hasPostgres, startPostgres, type PostgresServer } from '../adapters/postgres/server.ts';
import { actionHistoryContract } from './action-history.ts';

describe('SQLite', () => {
  actionHistoryContract(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'history-'));
    const store = sqliteRecords(join(folder, 'records.sqlite'));
    const remove = async (): Promise<void> => {
      await store.close();
      rmSync(folder, { recursive: true });
    };
    return { store, remove };
  });
});

describe.skipIf(!hasPostgres())('PostgreSQL', () => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.remove());

  actionHistoryContract(async () => {
    await server.empty();
    const store = postgresRecords({ url: server.url });
    return { store, remove: () => store.close() };
  });
});
