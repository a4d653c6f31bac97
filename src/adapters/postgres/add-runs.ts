import type { DecisionRecord } from '../../ports/records.ts';
import { rowOf, termsOf, type Row } from '../../records/row.ts';
import { sift, type Run, type Sifted } from '../../records/sift.ts';
import type { Query } from './pool.ts';

/** In the order of the table. */
const columnNames = [
  'chain',
  'sequence',
  'time',
  'hash',
  'verdict',
  'kind',
  'namespace',
  'name',
  'uid',
  'correlationId',
  'images',
  'words',
  'line',
] as const satisfies readonly (keyof Row)[];

/** Inside a transaction. Runs come in the order of their chains, so that two batches cannot wait for each other. */
export async function addRuns(query: Query, runs: readonly Run[]): Promise<readonly Sifted[]> {
  const sifted: Sifted[] = [];
  for (const run of runs) sifted.push(await addRun(query, run));
  return sifted;
}

async function addRun(query: Query, run: Run): Promise<Sifted> {
  const removed = await lockChain(query, run);
  const { rows } = await query(
    'SELECT sequence, hash FROM countersign_records WHERE chain = $1 AND sequence BETWEEN $2 AND $3',
    [run.chain, run.first - 1, run.last],
  );
  const hashes = new Map(rows.map((row) => [Number(row['sequence']), String(row['hash'])]));
  const sifted = sift(run, { hashes, removed });
  if (sifted.fresh.length > 0) await insert(query, run.chain, sifted.fresh);
  return sifted;
}

/** Gives what retention removed. The row of a chain without records (last = 0) is there to be locked. */
async function lockChain(query: Query, { chain, records }: Run): Promise<number> {
  const writer = records[0]?.record.writer;
  await query(
    'INSERT INTO countersign_chains VALUES ($1, $2, $3, $4, 0, 0, 0) ON CONFLICT (chain) DO NOTHING',
    [chain, writer?.id, writer?.startedAt, Number.MAX_SAFE_INTEGER], // prettier-ignore
  );
  const { rows } = await query('SELECT removed FROM countersign_chains WHERE chain = $1 FOR UPDATE', [chain]);
  return Number(rows[0]?.['removed'] ?? 0);
}

async function insert(query: Query, chain: number, fresh: readonly DecisionRecord[]): Promise<void> {
  const rows = fresh.map(rowOf);
  const columns = columnNames.map((name) => rows.map((row) => row[name]));
  await query(
    `INSERT INTO countersign_records SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[],
     $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[])`,
    columns,
  );
  const terms = fresh.flatMap((record) => {
    const { time, sequence } = rowOf(record);
    return termsOf(record).map((term) => ({ ...term, time, sequence }));
  });
  await query(
    `INSERT INTO countersign_terms SELECT field, value, time, $5::bigint, sequence
     FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS given (field, value, time, sequence)`,
    [
      terms.map(({ field }) => field),
      terms.map(({ value }) => value),
      terms.map(({ time }) => time),
      terms.map(({ sequence }) => sequence),
      chain,
    ],
  );
  await query(
    `UPDATE countersign_chains SET first = least(first, $2), last = greatest(last, $3), count = count + $4 WHERE chain = $1`,
    [chain, fresh[0]?.sequence, fresh.at(-1)?.sequence, fresh.length],
  );
}
