import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import { sqliteRecords } from '../../../src/adapters/sqlite/sqlite-records.ts';
import { recordsContract } from '../../contracts/records.ts';

describe('SQLite in a file', () => {
  recordsContract(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'records-'));
    const file = join(folder, 'deeper', 'records.db');
    const store = sqliteRecords(file);
    return {
      store,
      again: () => sqliteRecords(file),
      remove: async () => {
        await store.close();
        rmSync(folder, { recursive: true });
      },
    };
  });
});

describe('SQLite in memory', () => {
  recordsContract(async () => {
    const store = sqliteRecords(':memory:');
    return { store, remove: () => store.close() };
  });
});
