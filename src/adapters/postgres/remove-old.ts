import { cutoff, removalStep, type Keep } from '../../records/retention.ts';
import type { Query, SqlRow } from './pool.ts';

/** Inside a transaction. Gives how many were removed, at most `removalStep`: call again until it is 0. */
export async function removeOld(query: Query, now: Date, keep: Keep): Promise<number> {
  const before = cutoff(now, keep, await beyond(query, keep.records));
  if (before === undefined) return 0;
  const { rows } = await query('SELECT chain, first, last FROM countersign_chains WHERE count > 0');
  for (const row of rows) {
    const removed = await removeFrom(query, row, before);
    if (removed > 0) return removed;
  }
  return 0;
}

async function beyond(query: Query, most: number | undefined): Promise<number | undefined> {
  if (most === undefined) return undefined;
  const total = await query('SELECT sum(count) AS total FROM countersign_chains');
  if (Number(total.rows[0]?.['total'] ?? 0) <= most) return undefined;
  const found = await query('SELECT time FROM countersign_records ORDER BY time DESC LIMIT 1 OFFSET $1', [most]);
  return found.rows[0] === undefined ? undefined : Number(found.rows[0]['time']);
}

/** The beginning of a chain up to the first record that is new enough: a clock that was set back makes no holes. */
async function removeFrom(query: Query, { chain, first, last }: SqlRow, before: number): Promise<number> {
  const kept = await query(
    'SELECT sequence FROM countersign_records WHERE chain = $1 AND time >= $2 ORDER BY sequence LIMIT 1',
    [chain, before],
  );
  const keptFrom = kept.rows[0] === undefined ? Number(last) + 1 : Number(kept.rows[0]['sequence']);
  const end = Math.min(keptFrom, Number(first) + removalStep);
  if (end <= Number(first)) return 0;
  // Another replica may have removed the same meanwhile.
  await query('SELECT 1 FROM countersign_chains WHERE chain = $1 FOR UPDATE', [chain]);
  await query('DELETE FROM countersign_terms WHERE chain = $1 AND sequence < $2', [chain, end]);
  const gone = await query('DELETE FROM countersign_records WHERE chain = $1 AND sequence < $2', [chain, end]);
  await query(
    `UPDATE countersign_chains SET first = greatest(first, $2), removed = greatest(removed, $2 - 1), count = count - $3
     WHERE chain = $1`,
    [chain, end, gone.rowCount ?? 0],
  );
  return gone.rowCount ?? 0;
}
