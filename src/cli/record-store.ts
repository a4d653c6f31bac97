/** The store that `--database` names. */
import { postgresRecords } from '../adapters/postgres/postgres-records.ts';
import { sqliteRecords } from '../adapters/sqlite/sqlite-records.ts';
import { defined } from '../kernel/defined.ts';
import type { RecordStore } from '../records/store.ts';
import { UsageError } from './usage-error.ts';

export interface DatabaseSettings {
  /** postgres://… or the path of an SQLite file. */
  readonly database: string;
  readonly passwordFile?: string;
}

/** Nothing is opened before the first use. */
export function recordStore({ database, passwordFile }: DatabaseSettings): RecordStore {
  if (!isPostgres(database)) {
    if (passwordFile !== undefined) throw new UsageError('--database-password-file is for a postgres:// database only');
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(database))
      throw new UsageError('--database: it is neither a postgres:// URL nor the path of an SQLite file');
    return sqliteRecords(database);
  }
  if (!URL.canParse(database)) throw new UsageError('--database: the postgres:// URL is not valid');
  return postgresRecords({ url: database, ...defined('passwordFile', passwordFile) });
}

export function isPostgres(database: string): boolean {
  return /^postgres(?:ql)?:\/\//i.test(database);
}
