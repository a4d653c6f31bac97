import { afterAll, beforeAll, describe } from 'vitest';
import { postgresRecords } from '../../../src/adapters/postgres/postgres-records.ts';
import { recordsContract } from '../../contracts/records.ts';
import { hasPostgres, startPostgres, type PostgresServer } from './server.ts';

describe.skipIf(!hasPostgres())('PostgreSQL', () => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.remove());

  recordsContract(async () => {
    const { url } = server;
    await server.empty();
    const store = postgresRecords({ url });
    return { store, again: () => postgresRecords({ url }), remove: () => store.close() };
  });
});
