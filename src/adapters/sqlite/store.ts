/**
 * Decision records in one SQLite file: every call is synchronous, so it is only used in a thread of its own
 * (records-thread.ts). It says no with exceptions; the thread makes failures of them.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type {
  Added,
  ChainPosition,
  DecisionRecord,
  RecordPage,
  RecordQuery,
  RecordWriter,
} from '../../ports/records.ts';
import { readStoredLine } from '../../records/parse-record.ts';
import { historyWorks, writingMethods, type HistoryMethod } from '../../records/history/store.ts';
import type { Work, WorkStatement } from '../../records/history/work.ts';
import { printMark } from '../../records/page-mark.ts';
import { cutoff, removalStep, type Keep } from '../../records/retention.ts';
import { chainKey, rowOf, termsOf } from '../../records/row.ts';
import { migrations, schemaVersion, tooNew } from '../../records/schema.ts';
import { runsOf, sift, type Run, type Sifted } from '../../records/sift.ts';
import {
  chainStatement,
  findStatement,
  listStatement,
  positionsSql,
  type Dialect,
  type Statement,
} from '../../records/statements.ts';

/** What only somebody who acts can mend: trying again is of no use. */
export class UnusableDatabase extends Error {}

type SqlRow = Readonly<Record<string, unknown>>;

const works = historyWorks({ parameter: () => '?', forUpdate: '' });

const dialect: Dialect = { parameter: () => '?', position: (text, part) => `instr(${text}, ${part})` };
const busyMs = 5_000;
/**
 * FULL: the delivery forgets what was added, also when the machine stops the moment after. 16 MiB of pages are kept: ids are
 * random, and so are the places of their indexes.
 */
const pragmas =
  'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384; PRAGMA journal_size_limit = 67108864';

export class SqliteStore {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  /** `mode` "read": another thread writes to the same file, and has made it. */
  constructor(file: string, mode: 'read' | 'write') {
    this.#database = new DatabaseSync(file, { timeout: busyMs });
    try {
      this.#database.exec(pragmas);
      if (mode === 'write') this.#migrate();
      else this.#database.exec('PRAGMA query_only = ON');
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** The version is read again under the lock: of several programs that start at once, one migrates. */
  #migrate(): void {
    if (this.#version() === schemaVersion) return;
    this.#transaction(() => {
      const found = this.#version();
      if (found > schemaVersion) throw new UnusableDatabase(tooNew(found));
      for (const statement of migrations.slice(found).flat()) this.#database.exec(statement);
      this.#database.exec(`PRAGMA user_version = ${schemaVersion}`);
    });
  }

  #version(): number {
    return Number(this.#rows({ sql: 'PRAGMA user_version', values: [] })[0]?.['user_version'] ?? 0);
  }

  add(records: readonly DecisionRecord[]): Added {
    const { runs, refused } = runsOf(records);
    if (runs.length === 0) return { added: 0, refused };
    const sifted = this.#transaction(() => runs.map((run) => this.#addRun(run)));
    return {
      added: sifted.reduce((sum, { fresh }) => sum + fresh.length, 0),
      refused: [...refused, ...sifted.flatMap((one) => one.refused)],
    };
  }

  #addRun(run: Run): Sifted {
    const chain = this.#one('SELECT removed FROM countersign_chains WHERE chain = ?', run.chain);
    const stored = this.#rows({
      sql: 'SELECT sequence, hash FROM countersign_records WHERE chain = ? AND sequence BETWEEN ? AND ?',
      values: [run.chain, run.first - 1, run.last],
    });
    const hashes = new Map(stored.map((row) => [Number(row['sequence']), String(row['hash'])]));
    const sifted = sift(run, { hashes, removed: Number(chain?.['removed'] ?? 0) });
    for (const record of sifted.fresh) this.#insert(record);
    if (sifted.fresh.length > 0) this.#extend(run.chain, sifted.fresh);
    return sifted;
  }

  #insert(record: DecisionRecord): void {
    const row = rowOf(record);
    const { chain, sequence, time } = row;
    const own = [row.hash, row.verdict, row.kind, row.namespace, row.name, row.uid, row.correlationId];
    const texts = [row.images, row.words, row.line];
    this.#statement('INSERT INTO countersign_records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
      chain,
      sequence,
      time,
      ...own,
      ...texts,
    );
    for (const { field, value } of termsOf(record))
      this.#statement('INSERT INTO countersign_terms VALUES (?, ?, ?, ?, ?)').run(field, value, time, chain, sequence);
  }

  #extend(chain: number, fresh: readonly DecisionRecord[]): void {
    const [first, last] = [fresh[0], fresh.at(-1)];
    if (first === undefined || last === undefined) return;
    this.#statement(
      `INSERT INTO countersign_chains VALUES (?, ?, ?, ?, ?, ?, 0) ON CONFLICT (chain) DO UPDATE SET
       first = min(first, excluded.first), last = max(last, excluded.last), count = count + excluded.count`,
    ).run(chain, first.writer.id, first.writer.startedAt, first.sequence, last.sequence, fresh.length);
  }

  list(query: RecordQuery): RecordPage {
    const rows = this.#rows(listStatement(dialect, query));
    const shown = rows.slice(0, query.limit);
    const last = rows.length > query.limit ? shown.at(-1) : undefined;
    const records = shown.map(recordOf);
    if (last === undefined) return { records };
    const [time, chain, sequence] = [Number(last['time']), Number(last['chain']), Number(last['sequence'])];
    return { records, next: printMark({ time, chain, sequence }) };
  }

  find(id: string): readonly DecisionRecord[] {
    return this.#rows(findStatement(dialect, id)).map(recordOf);
  }

  positions(): readonly ChainPosition[] {
    return this.#rows({ sql: positionsSql, values: [] }).map((row) => ({
      writer: { id: String(row['writer']), startedAt: String(row['started_at']) },
      first: Number(row['first']),
      last: Number(row['last']),
      count: Number(row['count']),
    }));
  }

  chain(writer: RecordWriter, from: number, limit: number): readonly DecisionRecord[] {
    return this.#rows(chainStatement(dialect, chainKey(writer), from, limit)).map(recordOf);
  }

  /** Gives how many were removed; at most `removalStep`, so that others have their turn: call again until it is 0. */
  removeOld(now: Date, keep: Keep): number {
    const before = cutoff(now, keep, this.#beyond(keep.records));
    if (before === undefined) return 0;
    for (const { chain, first, last } of this.#rows({
      sql: 'SELECT chain, first, last FROM countersign_chains WHERE count > 0',
      values: [],
    })) {
      const removed = this.#removeFrom(Number(chain), Number(first), Number(last), before);
      if (removed > 0) return removed;
    }
    return 0;
  }

  #beyond(most: number | undefined): number | undefined {
    if (most === undefined) return undefined;
    const total = Number(this.#one('SELECT sum(count) AS total FROM countersign_chains')?.['total'] ?? 0);
    if (total <= most) return undefined;
    const row = this.#one('SELECT time FROM countersign_records ORDER BY time DESC LIMIT 1 OFFSET ?', most);
    return row === undefined ? undefined : Number(row['time']);
  }

  /** The beginning of a chain up to the first record that is new enough: a clock that was set back makes no holes. */
  #removeFrom(chain: number, first: number, last: number, before: number): number {
    return this.#transaction(() => {
      const kept = this.#one(
        'SELECT sequence FROM countersign_records WHERE chain = ? AND time >= ? ORDER BY sequence LIMIT 1',
        chain,
        before,
      );
      const end = Math.min(kept === undefined ? last + 1 : Number(kept['sequence']), first + removalStep);
      if (end <= first) return 0;
      this.#statement('DELETE FROM countersign_terms WHERE chain = ? AND sequence < ?').run(chain, end);
      const gone = this.#statement('DELETE FROM countersign_records WHERE chain = ? AND sequence < ?').run(chain, end);
      this.#statement('UPDATE countersign_chains SET first = ?, removed = ?, count = count - ? WHERE chain = ?').run(
        end,
        end - 1,
        gone.changes,
        chain,
      );
      return Number(gone.changes);
    });
  }

  /** A method of the action history. */
  history(method: HistoryMethod, args: readonly unknown[]): unknown {
    // Both ends are ours: sqlite-history.ts gives each method its own arguments.
    const work = works[method] as (...given: readonly unknown[]) => Work<unknown>;
    if (!writingMethods.includes(method)) return this.#done(work(...args));
    return this.#transaction(() => this.#done(work(...args)));
  }

  #done<T>(work: Work<T>): T {
    let step = work.next();
    while (step.done !== true) step = work.next(this.#rows(step.value));
    return step.value;
  }

  close(): void {
    this.#database.close();
  }

  #transaction<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const done = work();
      this.#database.exec('COMMIT');
      return done;
    } catch (error) {
      // A full disk has rolled back already.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  #one(sql: string, ...values: readonly number[]): SqlRow | undefined {
    return this.#rows({ sql, values })[0];
  }

  #rows({ sql, values }: Statement | WorkStatement): readonly SqlRow[] {
    return this.#statement(sql).all(...values);
  }

  #statement(sql: string): StatementSync {
    const found = this.#prepared.get(sql);
    if (found !== undefined) return found;
    const made = this.#database.prepare(sql);
    this.#prepared.set(sql, made);
    return made;
  }
}

function recordOf(row: SqlRow): DecisionRecord {
  const record = readStoredLine(String(row['line']));
  if (record === undefined)
    throw new UnusableDatabase(
      `record number ${String(row['sequence'])} is not what was stored, the database was changed`,
    );
  return record;
}
