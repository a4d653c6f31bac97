/** What came of the runs of an action type. Counted by the database, by type alone and by type and engine. */
import { defined } from '../../kernel/defined.ts';
import type { ActionEffectiveness, ActionFigures, ActionQuery } from '../../ports/action-history.ts';
import { indexed } from '../row.ts';
import { engines } from './fields.ts';
import { Binding, type Parameter, type Work, type WorkRow, type WorkStatement } from './work.ts';

type Asked = Pick<ActionQuery, 'actionType' | 'since'>;

export function* effectivenessWork(parameter: Parameter, asked: Asked): Work<readonly ActionEffectiveness[]> {
  const figures = yield figuresStatement(parameter, asked);
  const types = figures.filter((row) => row['engine'] === null);
  const parts = figures.filter((row) => row['engine'] !== null);
  const scores = yield scoresStatement(parameter, asked);
  const scored = new Map(scores.map((row) => [String(row['action_type']), row]));
  const known = new Set(types.map((row) => String(row['action_type'])));
  const onlyScored = [...scored.keys()].filter((type) => !known.has(type)).map((type) => ({ action_type: type }));
  return [...types, ...onlyScored]
    .map((row) => ofType(row, parts, scored.get(String(row['action_type']))))
    .toSorted((a, b) => (a.actionType < b.actionType ? -1 : 1));
}

function ofType(row: WorkRow, parts: readonly WorkRow[], score: WorkRow | undefined): ActionEffectiveness {
  const actionType = String(row['action_type']);
  const own = parts.filter((part) => String(part['action_type']) === actionType);
  const byEngine = engines.flatMap((engine) => {
    const found = own.find((part) => part['engine'] === engine);
    return found === undefined ? [] : [[engine, figuresOf(found)] as const];
  });
  return {
    actionType,
    ...figuresOf(row),
    engines: Object.fromEntries(byEngine),
    assessments: Number(score?.['assessments'] ?? 0),
    ...defined('meanScore', numberOf(score?.['score'])),
  };
}

function figuresOf(row: WorkRow): ActionFigures {
  const [runs, completed, failed] = ['runs', 'completed', 'failed'].map((name) => Number(row[name] ?? 0));
  const judged = (completed ?? 0) + (failed ?? 0);
  return {
    runs: runs ?? 0,
    completed: completed ?? 0,
    failed: failed ?? 0,
    ...defined('successRate', judged === 0 ? undefined : (completed ?? 0) / judged),
    ...defined('meanDurationMs', numberOf(row['mean'])),
    ...defined('p95DurationMs', numberOf(row['p95'])),
    ...defined('meanTimeToRepairMs', numberOf(row['repair'])),
  };
}

function numberOf(value: unknown): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}

/**
 * By type, and by type and engine. Runs are read once, from an index that has all of it, and counted by what they took to
 * three digits before anything is sorted: of a million runs that leaves some thousands.
 */
function figuresStatement(parameter: Parameter, asked: Asked): WorkStatement {
  const binding = new Binding(parameter);
  const columns = 'action_type, engine, status, duration, completed_at, workflow_uid';
  // Of all types nearly every workflow has a run: one walk over the index is less than looking each of them up.
  const concerned = asked.actionType === undefined ? '' : 'WHERE workflow_uid IN (SELECT workflow_uid FROM runs)';
  const sql =
    `WITH runs AS (SELECT ${columns} FROM countersign_actions ${whereOf(asked, 'executed_at', binding)}), ` +
    `begun AS (SELECT workflow_uid, min(executed_at) AS began FROM countersign_actions ${concerned} GROUP BY workflow_uid), ` +
    `counted AS MATERIALIZED (${counted}) ` +
    `${figuresBy('action_type', 'NULL')} UNION ALL ${figuresBy('action_type, engine', 'engine')}`;
  return { sql, values: binding.values };
}

const digits = [10, 100, 1_000, 10_000]
  .map((step) => `WHEN duration < ${step * 1_000} THEN duration / ${step} * ${step}`)
  .join(' ');
const took = `CASE WHEN duration < 1000 THEN duration ${digits} ELSE duration / 100000 * 100000 END`;

const counted =
  `SELECT action_type, engine, ${took} AS took, count(*) AS runs, ${countOf('completed')}, ${countOf('failed')}, ` +
  `count(duration) AS timed, sum(duration) AS spent, max(duration) AS longest, ` +
  `count(CASE WHEN status = 'completed' THEN completed_at END) AS repaired, ` +
  `sum(CASE WHEN status = 'completed' THEN completed_at - began END) AS repair ` +
  `FROM runs JOIN begun ON begun.workflow_uid = runs.workflow_uid GROUP BY action_type, engine, ${took}`;

function countOf(status: string): string {
  return `sum(CASE WHEN status = '${status}' THEN 1 ELSE 0 END) AS ${status}`;
}

/** The 95th percentile is the nearest rank of those with a duration: the longest that took the same to three digits. */
function figuresBy(columns: string, engine: string): string {
  const sums = ['runs', 'completed', 'failed', 'timed', 'spent', 'repaired', 'repair']
    .map((name) => `sum(${name}) AS ${name}`)
    .join(', ');
  const ranked =
    `SELECT ${columns}, ${sums}, max(longest) AS longest, ` +
    `sum(sum(timed)) OVER (PARTITION BY ${columns} ORDER BY took NULLS LAST) AS reached, ` +
    `sum(sum(timed)) OVER (PARTITION BY ${columns}) AS measured FROM counted GROUP BY ${columns}, took`;
  return (
    `SELECT action_type, ${engine} AS engine, sum(runs) AS runs, sum(completed) AS completed, sum(failed) AS failed, ` +
    `sum(spent) * 1.0 / nullif(sum(timed), 0) AS mean, min(CASE WHEN reached * 100 >= measured * 95 THEN longest END) AS p95, ` +
    `sum(repair) * 1.0 / nullif(sum(repaired), 0) AS repair FROM (${ranked}) AS ranked GROUP BY ${columns}`
  );
}

function scoresStatement(parameter: Parameter, asked: Asked): WorkStatement {
  const binding = new Binding(parameter);
  const sql =
    `SELECT action_type, count(*) AS assessments, avg(score) AS score FROM countersign_effectiveness ` +
    `${whereOf(asked, 'assessed_at', binding)} GROUP BY action_type`;
  return { sql, values: binding.values };
}

function whereOf({ actionType, since }: Asked, time: string, binding: Binding): string {
  const conditions = [
    ...(actionType === undefined ? [] : [`action_type = ${binding.bind(indexed(actionType))}`]),
    ...(since === undefined ? [] : [`${time} >= ${binding.bind(Date.parse(since))}`]),
  ];
  return conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
}
