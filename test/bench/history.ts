/**
 * The action history at a million records: what a caller waits for a page of 100, through the store as the program uses it.
 * Records are spread over 90 days, 30 action types, two engines and 100,000 workflows.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { postgresRecords } from '../../src/adapters/postgres/postgres-records.ts';
import { sqliteRecords } from '../../src/adapters/sqlite/sqlite-records.ts';
import type { Result } from '../../src/kernel/result.ts';
import type { ActionHistoryStore } from '../../src/records/history/store.ts';
import { hasPostgres, startPostgres } from '../adapters/postgres/server.ts';
import { milliseconds, type Row, type Section } from './report.ts';
import { median, percentile } from './statistics.ts';

const records = 1_000_000;
const dayMs = 86_400_000;
const newest = Date.parse('2031-03-01T00:00:00Z');
const rounds = 60;
const targetMs = 50;
/** A statement is given up after ten seconds. */
const effectivenessMs = 5_000;

/** In both dialects; `n` is the number of a record, from 0. */
const columns = `
  'uid-' || (n / 10), 'step-' || (n % 10), 'workflow-' || (n / 1000), 'namespace-' || (n % 11), 'remediation',
  CASE WHEN n % 13 < 4 THEN 'tekton' ELSE 'job' END, 'category/action-' || ((n * 7919) % 30),
  CASE WHEN n % 41 = 3 THEN 'failed' ELSE 'completed' END, ${newest - 90 * dayMs} + n * 7776, ${newest - 90 * dayMs} + n * 7776 + n % 60000,
  n % 60000, n + 1, 700,
  '{"workflow_uid":"uid-' || (n / 10) || '","step":"step-' || (n % 10) || '","workflow_id":"workflow-' || (n / 1000) ||
  '","namespace":"namespace-' || (n % 11) || '","engine":"' || CASE WHEN n % 13 < 4 THEN 'tekton' ELSE 'job' END ||
  '","action_type":"category/action-' || ((n * 7919) % 30) || '","image":"registry.example/actions/some@sha256:0123456789",' ||
  '"inputs":{"deployment":"payment","text":"${'x'.repeat(300)}"},"status":"' ||
  CASE WHEN n % 41 = 3 THEN 'failed' ELSE 'completed' END || '","executed_at":"2031-01-01T00:00:00Z"}'`;

export async function measureHistory(): Promise<Section> {
  const postgres = hasPostgres() ? await onPostgres() : undefined;
  const sqlite = await onSqlite();
  const rows = Object.entries(sqlite).map(([what, ours]) => rowOf(what, postgres?.[what], ours));
  return { name: 'action history', figures: { records, postgres, sqlite }, rows };
}

type Figures = Readonly<Record<string, { readonly median: number; readonly p95: number }>>;

function rowOf(what: string, postgres: Figures[string] | undefined, sqlite: Figures[string] | undefined): Row {
  const text = (figure: Figures[string] | undefined): string =>
    figure === undefined ? 'not measured' : `${milliseconds(figure.median)}, p95 ${milliseconds(figure.p95)}`;
  const row = {
    what: `${what}, 1,000,000 actions (PostgreSQL; beside: SQLite)`,
    ours: text(postgres),
    beside: text(sqlite),
  };
  const most = what.startsWith('page') ? targetMs : what.startsWith('effectiveness') ? effectivenessMs : undefined;
  if (postgres === undefined || most === undefined) return row;
  const isMet = postgres.p95 <= most;
  return { ...row, target: { demanded: `p95 <= ${most} ms`, reached: milliseconds(postgres.p95), isMet } };
}

async function onPostgres(): Promise<Figures> {
  const server = await startPostgres();
  const store = postgresRecords({ url: server.url });
  try {
    value(await store.ready());
    await fill(server.url);
    return await measure(store.history);
  } finally {
    await store.close();
    await server.remove();
  }
}

async function fill(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(
      `INSERT INTO countersign_actions SELECT ${columns} FROM generate_series(0::bigint, ${records - 1}) AS n`,
    );
    await client.query(`INSERT INTO countersign_history VALUES ('bench', ${records})`);
    await client.query('VACUUM ANALYZE countersign_actions');
  } finally {
    await client.end();
  }
}

async function onSqlite(): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-history-'));
  const file = join(folder, 'records.sqlite');
  const store = sqliteRecords(file);
  try {
    value(await store.ready());
    const database = new DatabaseSync(file);
    const numbers = `WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${records - 1})`;
    database.exec(`${numbers} INSERT INTO countersign_actions SELECT ${columns} FROM numbers`);
    database.exec(`INSERT INTO countersign_history VALUES ('bench', ${records})`);
    database.close();
    return await measure(store.history);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
}

async function measure(history: ActionHistoryStore): Promise<Figures> {
  const ago = (days: number): string => new Date(newest - days * dayMs).toISOString();
  const type = (round: number): string => `category/action-${round % 30}`;
  const list = (query: object) => async (round: number) => {
    const page = value(await history.list({ actionType: type(round), limit: 100, ...query }));
    if (page.actions.length !== 100) throw new Error(`a page has ${page.actions.length} actions`);
  };
  const questions: Readonly<Record<string, (round: number) => Promise<unknown>>> = {
    'page by type, last 90 days': list({ since: ago(90) }),
    'page by type, last 24 hours': list({ since: ago(1) }),
    'page by type and status, last 90 days': list({ status: 'failed', since: ago(90) }),
    'page by type and engine, last 30 days': list({ engine: 'tekton', since: ago(30) }),
    'page by type from the middle on': async (round) => {
      const after = Buffer.from(JSON.stringify([newest - 45 * dayMs, 'uid-50000', 'step-0'])).toString('base64url');
      await list({ after, actionType: type(round) })(round);
    },
    'page by workflow': async (round) => history.list({ workflow: `workflow-${round}`, limit: 100 }).then(value),
    'oldest action': async () => history.oldest().then(value),
    'one step of one workflow': async (round) => history.find(`uid-${round}`, 'step-3').then(value),
    'effectiveness of a type, last 24 hours': async (round) =>
      history.effectiveness({ actionType: type(round), since: ago(1) }).then(value),
    'effectiveness of a type, last 90 days': async (round) =>
      history.effectiveness({ actionType: type(round), since: ago(90) }).then(value),
    'effectiveness of all types, last 24 hours': async () => history.effectiveness({ since: ago(1) }).then(value),
    'effectiveness of all types, last 90 days': async () => history.effectiveness({ since: ago(90) }).then(value),
    'one record stored': async (round) =>
      history.record([{ ...sample, workflowUid: `new-${round}`, executedAt: ago(0) }]).then(value),
    'records removed by one step of retention (2,000)': async () => history.removeOld(new Date(newest), 60).then(value),
  };
  const figures: Record<string, { median: number; p95: number }> = {};
  for (const [what, ask] of Object.entries(questions)) {
    const isLong = what.startsWith('effectiveness') || what.startsWith('records removed');
    const times: number[] = [];
    for (let round = 0; round < (isLong ? rounds / 6 : rounds); round += 1) {
      const began = performance.now();
      await ask(round);
      times.push(performance.now() - began);
    }
    figures[what] = { median: median(times), p95: percentile(times, 95) };
  }
  return figures;
}

const sample = {
  step: 'scale',
  workflowId: 'payment-oom',
  namespace: 'production',
  engine: 'job',
  actionType: 'category/action-1',
  image: '',
  inputs: {},
  status: 'executing',
} as const;

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.failure.message);
  return result.value;
}
