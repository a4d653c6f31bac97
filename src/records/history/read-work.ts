/** Questions to the history. The order of listing is newest first, ended by workflow and step. */
import type { ActionChange, ActionChanges, ActionPage, ActionQuery, ActionRecord } from '../../ports/action-history.ts';
import { indexed } from '../row.ts';
import { parseActionMark, printActionMark } from './page-mark.ts';
import { storedAction, storedAssessment } from './stored.ts';
import { Binding, type Parameter, type Work, type WorkRow, type WorkStatement } from './work.ts';

/** Of one answer: records have inputs and outputs of up to some hundred KiB. */
const mostBytes = 8 * 1024 * 1024;

export function* listWork(parameter: Parameter, query: ActionQuery): Work<ActionPage> {
  const rows = yield listStatement(parameter, query);
  const shown = rows.slice(0, query.limit);
  const last = Number(rows[0]?.['found'] ?? 0) > shown.length ? shown.at(-1) : undefined;
  const actions = shown.map(storedAction);
  if (last === undefined) return { actions };
  const [time, workflowUid, step] = [Number(last['executed_at']), String(last['workflow_uid']), String(last['step'])];
  return { actions, next: printActionMark({ time, workflowUid, step }) };
}

/** One more than `limit` is looked for, which tells whether there is another page; all but the first must fit the limit. */
function listStatement(parameter: Parameter, query: ActionQuery): WorkStatement {
  const binding = new Binding(parameter);
  const conditions = [...equals(query, binding), ...since(query.since, binding), ...beyond(query.after, binding)];
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const order = 'ORDER BY executed_at DESC, workflow_uid DESC, step DESC';
  const page = `SELECT executed_at, workflow_uid, step, size FROM countersign_actions ${where} ${order} LIMIT ${binding.bind(query.limit + 1)}`;
  const sizes = `SELECT page.*, count(*) OVER () AS found, sum(size) OVER (${order}) AS total FROM (${page}) AS page`;
  const sql =
    `SELECT a.executed_at, a.workflow_uid, a.step, a.document, s.found FROM (${sizes}) AS s ` +
    `JOIN countersign_actions a ON a.workflow_uid = s.workflow_uid AND a.step = s.step ` +
    `WHERE s.total <= ${binding.bind(mostBytes)} OR s.total = s.size ` +
    `ORDER BY s.executed_at DESC, s.workflow_uid DESC, s.step DESC`;
  return { sql, values: binding.values };
}

function equals(query: ActionQuery, binding: Binding): readonly string[] {
  const { actionType, status, engine, workflow, workflowUid, namespace } = query;
  const wanted = { action_type: actionType, status, engine, workflow, workflow_uid: workflowUid, namespace };
  return Object.entries(wanted).flatMap(([column, value]) =>
    value === undefined ? [] : [`${column} = ${binding.bind(indexed(value))}`],
  );
}

function since(time: string | undefined, binding: Binding): readonly string[] {
  return time === undefined ? [] : [`executed_at >= ${binding.bind(Date.parse(time))}`];
}

function beyond(after: string | undefined, binding: Binding): readonly string[] {
  const mark = after === undefined ? undefined : parseActionMark(after);
  if (mark === undefined) return [];
  const { time, workflowUid, step } = mark;
  return [`(executed_at, workflow_uid, step) < (${binding.list([time, workflowUid, step])})`];
}

export function* findWork(parameter: Parameter, workflowUid: string, step: string): Work<ActionRecord | undefined> {
  const sql = `SELECT document FROM countersign_actions WHERE workflow_uid = ${parameter(1)} AND step = ${parameter(2)}`;
  const [row] = yield { sql, values: [indexed(workflowUid), indexed(step)] };
  return row && storedAction(row);
}

export function* oldestWork(): Work<ActionRecord | undefined> {
  // By its value, which every planner finds in the index.
  const first = 'SELECT min(executed_at) FROM countersign_actions';
  const sql = `SELECT document FROM countersign_actions WHERE executed_at = (${first}) ORDER BY workflow_uid, step LIMIT 1`;
  const [row] = yield { sql, values: [] };
  return row && storedAction(row);
}

export function* changesWork(parameter: Parameter, after: number, limit: number): Work<ActionChanges> {
  const [own] = yield { sql: 'SELECT store FROM countersign_history', values: [] };
  // Nothing was written yet.
  if (own === undefined) return { store: '', changes: [] };
  const binding = new Binding(parameter);
  const part = (kind: string, table: string, size: string): string =>
    `SELECT * FROM (SELECT '${kind}' AS kind, changed, ${size} AS size, document FROM countersign_${table} ` +
    `WHERE changed > ${binding.bind(after)} ORDER BY changed LIMIT ${binding.bind(limit)}) AS ${table}`;
  const both = `${part('action', 'actions', 'size')} UNION ALL ${part('assessment', 'effectiveness', '8192')}`;
  const sized = `SELECT both_kinds.*, sum(size) OVER (ORDER BY changed) AS total FROM (${both}) AS both_kinds`;
  const sql =
    `SELECT kind, changed, document FROM (${sized}) AS sized ` +
    `WHERE total <= ${mostBytes} OR total = size ORDER BY changed LIMIT ${binding.bind(limit)}`;
  const rows = yield { sql, values: binding.values };
  return { store: String(own['store']), changes: rows.map(changeOf) };
}

function changeOf(row: WorkRow): ActionChange {
  const change = Number(row['changed']);
  return row['kind'] === 'action'
    ? { change, kind: 'action', action: storedAction(row) }
    : { change, kind: 'assessment', assessment: storedAssessment(row) };
}
