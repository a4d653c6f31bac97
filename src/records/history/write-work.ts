/** Storing records and assessments. One row is locked first: whoever writes meanwhile waits, and changes have one order. */
import type { ActionAssessment, ActionRecord } from '../../ports/action-history.ts';
import { stableJson } from '../../kernel/stable-json.ts';
import { indexed } from '../row.ts';
import { printAction, printAssessment } from './action-json.ts';
import { mergeActions, mergeAll, newerAssessment } from './merge.ts';
import { storedAction, storedAssessment } from './stored.ts';
import { Binding, type Parameter, type Work, type WorkRow, type WorkStatement } from './work.ts';

export interface WriteDialect {
  readonly parameter: Parameter;
  /** Ends a SELECT: the row is ours until the end of the transaction. */
  readonly forUpdate: string;
}

const actionColumns = [
  'workflow_uid',
  'step',
  'workflow',
  'namespace',
  'workflow_type',
  'engine',
  'action_type',
  'status',
  'executed_at',
  'completed_at',
  'duration',
  'changed',
  'size',
  'document',
];
const assessmentColumns = [
  'workflow_uid',
  'step',
  'assessor',
  'action_type',
  'score',
  'assessed_at',
  'changed',
  'document',
];

/** `store`: the name of the store, if it has none yet. */
export function* recordWork(dialect: WriteDialect, store: string, actions: readonly ActionRecord[]): Work<void> {
  if (actions.length === 0) return;
  let changed = yield* lock(dialect, store);
  const before = changed;
  for (const given of mergeAll(actions).values()) {
    const found = yield placeOf(dialect, 'actions', [given.workflowUid, given.step]);
    const stored = found[0] && storedAction(found[0]);
    const merged = stored === undefined ? given : mergeActions(stored, given);
    if (stored !== undefined && stableJson(stored) === stableJson(merged)) continue;
    changed += 1;
    yield upsert(dialect, 'countersign_actions', actionColumns, 2, rowOf(merged, changed));
  }
  if (changed > before) yield settle(dialect, changed);
}

export function* assessWork(dialect: WriteDialect, store: string, all: readonly ActionAssessment[]): Work<void> {
  if (all.length === 0) return;
  let changed = yield* lock(dialect, store);
  const before = changed;
  for (const given of all) {
    const found = yield placeOf(dialect, 'effectiveness', [given.workflowUid, given.step, given.assessor]);
    const stored = found[0] && storedAssessment(found[0]);
    const newer = stored === undefined ? given : newerAssessment(stored, given);
    if (stored !== undefined && stableJson(stored) === stableJson(newer)) continue;
    changed += 1;
    yield upsert(dialect, 'countersign_effectiveness', assessmentColumns, 3, assessmentRow(newer, changed));
  }
  if (changed > before) yield settle(dialect, changed);
}

/** Gives the number of the last change. */
function* lock({ parameter, forUpdate }: WriteDialect, store: string): Work<number> {
  const read = { sql: `SELECT changed FROM countersign_history ${forUpdate}`, values: [] };
  const found = yield read;
  if (found[0] !== undefined) return Number(found[0]['changed']);
  const sql = `INSERT INTO countersign_history SELECT ${parameter(1)}, 0 WHERE NOT EXISTS (SELECT 1 FROM countersign_history)`;
  yield { sql, values: [store] };
  const made: readonly WorkRow[] = yield read;
  return Number(made[0]?.['changed'] ?? 0);
}

function settle({ parameter }: WriteDialect, changed: number): WorkStatement {
  return { sql: `UPDATE countersign_history SET changed = ${parameter(1)}`, values: [changed] };
}

function placeOf(
  { parameter }: WriteDialect,
  table: 'actions' | 'effectiveness',
  key: readonly string[],
): WorkStatement {
  const columns = ['workflow_uid', 'step', 'assessor'].slice(0, key.length);
  const where = columns.map((column, index) => `${column} = ${parameter(index + 1)}`).join(' AND ');
  return { sql: `SELECT document FROM countersign_${table} WHERE ${where}`, values: key.map(indexed) };
}

function upsert(
  { parameter }: WriteDialect,
  table: string,
  columns: readonly string[],
  keys: number,
  row: readonly (string | number | null)[],
): WorkStatement {
  const binding = new Binding(parameter);
  const changes = columns.slice(keys).map((column) => `${column} = excluded.${column}`);
  const sql =
    `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${binding.list(row)}) ` +
    `ON CONFLICT (${columns.slice(0, keys).join(', ')}) DO UPDATE SET ${changes.join(', ')}`;
  return { sql, values: binding.values };
}

/** In the order of the columns. */
function rowOf(action: ActionRecord, changed: number): readonly (string | number | null)[] {
  const { workflowUid, step, workflowId, namespace, workflowType = '', engine, actionType, status } = action;
  const { executedAt, completedAt, durationMs = null } = action;
  const document = JSON.stringify(printAction(action));
  const ended = completedAt === undefined ? null : Date.parse(completedAt);
  return [
    ...[workflowUid, step, workflowId, namespace, workflowType, engine, actionType, status].map(indexed),
    Date.parse(executedAt),
    ended,
    durationMs,
    changed,
    Buffer.byteLength(document),
    document,
  ];
}

function assessmentRow(given: ActionAssessment, changed: number): readonly (string | number)[] {
  const { workflowUid, step, assessor, actionType, score, assessedAt } = given;
  const document = JSON.stringify(printAssessment(given));
  return [...[workflowUid, step, assessor, actionType].map(indexed), score, Date.parse(assessedAt), changed, document];
}
