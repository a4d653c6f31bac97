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

/** By type, and by type and engine, of runs that are read once. The 95th percentile is the nearest rank of those with a duration. */
function figuresStatement(parameter: Parameter, asked: Asked): WorkStatement {
  const binding = new Binding(parameter);
  const began = 'SELECT min(w.executed_at) FROM countersign_actions w WHERE w.workflow_uid = a.workflow_uid';
  const runs =
    `SELECT action_type, engine, status, duration, CASE WHEN status = 'completed' THEN completed_at - (${began}) END AS repair ` +
    `FROM countersign_actions a ${whereOf(asked, 'executed_at', binding)}`;
  const sql =
    `WITH runs AS MATERIALIZED (${runs}) ${figuresBy('action_type', 'NULL')} ` +
    `UNION ALL ${figuresBy('action_type, engine', 'engine')}`;
  return { sql, values: binding.values };
}

function figuresBy(columns: string, engine: string): string {
  const ranked =
    `SELECT runs.*, row_number() OVER (PARTITION BY ${columns} ORDER BY duration NULLS LAST) AS place, ` +
    `count(duration) OVER (PARTITION BY ${columns}) AS timed FROM runs`;
  const sum = (status: string): string => `sum(CASE WHEN status = '${status}' THEN 1 ELSE 0 END) AS ${status}`;
  return (
    `SELECT action_type, ${engine} AS engine, count(*) AS runs, ${sum('completed')}, ${sum('failed')}, avg(duration) AS mean, ` +
    `min(CASE WHEN place * 100 >= timed * 95 THEN duration END) AS p95, avg(repair) AS repair ` +
    `FROM (${ranked}) AS ranked GROUP BY ${columns}`
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
