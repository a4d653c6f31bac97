/**
 * Decision records in PostgreSQL, for all replicas together. A batch is one transaction, and each chain is locked by its row:
 * what two replicas add at once is stored once. A failure may come after the commit; whoever adds again adds nothing twice.
 */
import { ok, type Result } from '../../kernel/result.ts';
import type {
  Added,
  ChainPosition,
  DecisionRecord,
  RecordPage,
  RecordQuery,
  RecordWriter,
} from '../../ports/records.ts';
import { printMark } from '../../records/page-mark.ts';
import { readStoredLine } from '../../records/parse-record.ts';
import type { Keep } from '../../records/retention.ts';
import { chainKey } from '../../records/row.ts';
import { runsOf } from '../../records/sift.ts';
import {
  chainStatement,
  findStatement,
  listStatement,
  positionsSql,
  type Dialect,
  type Statement,
} from '../../records/statements.ts';
import type { ActionHistoryStore } from '../../records/history/store.ts';
import type { RecordStore } from '../../records/store.ts';
import { addRuns } from './add-runs.ts';
import { migrate } from './migrate.ts';
import { Pool, UnusableDatabase, type PostgresSettings, type Query, type SqlRow } from './pool.ts';
import { postgresHistory } from './postgres-history.ts';
import { removeOld } from './remove-old.ts';

const dialect: Dialect = { parameter: (n) => `$${n}`, position: (text, part) => `strpos(${text}, ${part})` };

/** Does not fail, and needs no server yet: `ready()` says whether the database can be used. */
export function postgresRecords(settings: PostgresSettings): RecordStore {
  return new PostgresRecords(new Pool(settings));
}

class PostgresRecords implements RecordStore {
  readonly #pool: Pool;
  readonly history: ActionHistoryStore;
  #isReady = false;
  /** The migration under way. */
  #migration: Promise<Result<void>> | undefined;

  constructor(pool: Pool) {
    this.#pool = pool;
    this.history = postgresHistory(pool, () => this.ready());
  }

  async ready(): Promise<Result<void>> {
    if (this.#isReady) return ok(undefined);
    this.#migration ??= this.#pool.transaction(migrate).finally(() => (this.#migration = undefined));
    const migrated = await this.#migration;
    this.#isReady ||= migrated.ok;
    return migrated;
  }

  async add(records: readonly DecisionRecord[]): Promise<Result<Added>> {
    const { runs, refused } = runsOf(records);
    if (runs.length === 0) return ok({ added: 0, refused });
    const ready = await this.ready();
    if (!ready.ok) return ready;
    const stored = await this.#pool.transaction((query) => addRuns(query, runs));
    if (!stored.ok) return stored;
    const added = stored.value.reduce((sum, { fresh }) => sum + fresh.length, 0);
    return ok({ added, refused: [...refused, ...stored.value.flatMap((one) => one.refused)] });
  }

  list(query: RecordQuery): Promise<Result<RecordPage>> {
    return this.#read(async (ask) => {
      const rows = await rowsOf(ask, listStatement(dialect, query));
      const shown = rows.slice(0, query.limit);
      const records = shown.map(recordOf);
      const last = rows.length > query.limit ? shown.at(-1) : undefined;
      if (last === undefined) return { records };
      const [time, chain, sequence] = [Number(last['time']), Number(last['chain']), Number(last['sequence'])];
      return { records, next: printMark({ time, chain, sequence }) };
    });
  }

  find(id: string): Promise<Result<readonly DecisionRecord[]>> {
    return this.#read(async (ask) => (await rowsOf(ask, findStatement(dialect, id))).map(recordOf));
  }

  positions(): Promise<Result<readonly ChainPosition[]>> {
    return this.#read(async (ask) => (await ask(positionsSql)).rows.map(positionOf));
  }

  chain(writer: RecordWriter, from: number, limit: number): Promise<Result<readonly DecisionRecord[]>> {
    const statement = chainStatement(dialect, chainKey(writer), from, limit);
    return this.#read(async (ask) => (await rowsOf(ask, statement)).map(recordOf));
  }

  async removeOld(now: Date, keep: Keep): Promise<Result<number>> {
    const ready = await this.ready();
    return ready.ok ? this.#pool.transaction((query) => removeOld(query, now, keep)) : ready;
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  async #read<T>(work: (query: Query) => Promise<T>): Promise<Result<T>> {
    const ready = await this.ready();
    return ready.ok ? this.#pool.use(work) : ready;
  }
}

async function rowsOf(query: Query, { sql, values }: Statement): Promise<readonly SqlRow[]> {
  return (await query(sql, values)).rows;
}

function positionOf(row: SqlRow): ChainPosition {
  return {
    writer: { id: String(row['writer']), startedAt: String(row['started_at']) },
    first: Number(row['first']),
    last: Number(row['last']),
    count: Number(row['count']),
  };
}

function recordOf(row: SqlRow): DecisionRecord {
  const record = readStoredLine(String(row['line']));
  if (record === undefined)
    throw new UnusableDatabase(
      `record number ${String(row['sequence'])} is not what was stored, the database was changed`,
    );
  return record;
}
