import type { Parameter, Work } from './work.ts';

/** Records that one transaction removes at most: nobody waits long for it. */
const removalStep = 2_000;

const dayMs = 24 * 60 * 60 * 1_000;

/** What began, or was assessed, more than so many days ago, the oldest first. Gives how many: call again until it is 0. */
export function* removeOldWork(parameter: Parameter, now: Date, days: number): Work<number> {
  const before = now.getTime() - days * dayMs;
  const actions = yield* remove(parameter, 'countersign_actions', 'workflow_uid, step', 'executed_at', before);
  if (actions > 0) return actions;
  const key = 'workflow_uid, step, assessor';
  return yield* remove(parameter, 'countersign_effectiveness', key, 'assessed_at', before);
}

function* remove(parameter: Parameter, table: string, key: string, time: string, before: number): Work<number> {
  const old = `SELECT ${key} FROM ${table} WHERE ${time} < ${parameter(1)} ORDER BY ${time} LIMIT ${removalStep}`;
  const gone = yield { sql: `DELETE FROM ${table} WHERE (${key}) IN (${old}) RETURNING 1 AS gone`, values: [before] };
  return gone.length;
}
