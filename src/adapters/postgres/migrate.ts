import { migrations, schemaVersion, tooNew } from '../../records/schema.ts';
import { UnusableDatabase, type Query } from './pool.ts';

/** Of all programs on this database one migrates at a time; the number is "countersign" in no particular way. */
const lock = 7_236_412_905;

/** Inside a transaction: a migration is whole or did not take place. Needs no right to make tables when there is nothing to do. */
export async function migrate(query: Query): Promise<void> {
  if ((await version(query)) === schemaVersion) return;
  await query('SELECT pg_advisory_xact_lock($1)', [lock]);
  const found = await version(query);
  if (found > schemaVersion) throw new UnusableDatabase(tooNew(found));
  await checkEncoding(query);
  await query('CREATE TABLE IF NOT EXISTS countersign_schema (version BIGINT NOT NULL)');
  for (const statement of migrations.slice(found).flat()) await query(statement);
  await query('DELETE FROM countersign_schema');
  await query('INSERT INTO countersign_schema VALUES ($1)', [schemaVersion]);
}

async function version(query: Query): Promise<number> {
  // Not to_regclass, which may remember from before the lock that there was no such table.
  const { rows } = await query(
    "SELECT 1 FROM pg_catalog.pg_tables WHERE tablename = 'countersign_schema' AND schemaname = ANY (current_schemas(false))",
  );
  if (rows.length === 0) return 0;
  const found = await query('SELECT version FROM countersign_schema');
  return Number(found.rows[0]?.['version'] ?? 0);
}

async function checkEncoding(query: Query): Promise<void> {
  const { rows } = await query('SHOW server_encoding');
  const found = String(rows[0]?.['server_encoding']);
  if (found !== 'UTF8')
    throw new UnusableDatabase(`its encoding is ${found}, make one with CREATE DATABASE … ENCODING 'UTF8'`);
}
