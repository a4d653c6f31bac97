/** Parameters of the action history, read strictly: what is not understood is an error that names it, never left out. */
import { defined } from '../../kernel/defined.ts';
import { quoted } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type { ActionQuery } from '../../ports/action-history.ts';
import { engines, isTime, statuses } from '../../records/history/fields.ts';
import { parseActionMark } from '../../records/history/page-mark.ts';
import { parseTimeRange } from '../../records/history/time-range.ts';

export const usualLimit = 100;
export const largestLimit = 1_000;
const longestValue = 4_096;

/** What each parameter is called and means; the OpenAPI document follows it. */
export const parameters = {
  action_type: 'Action type, such as kubernetes/scale_deployment.',
  time_range: 'What began within this time before now: 90d, or a Go duration such as 24h or 1h30m.',
  since: 'What began at this time or later, such as 2030-01-31T12:00:00Z; with time_range, the later of both counts.',
  status: `One of ${statuses.join(', ')}.`,
  engine: `One of ${engines.join(', ')}.`,
  workflow: 'Name of a WorkflowExecution.',
  workflow_uid: 'Its UID: one run of it.',
  namespace: 'Its namespace.',
  limit: `Records of a page, 1 to ${largestLimit}; ${usualLimit} unless told. Large records make pages smaller.`,
  after: '`next` of the page before.',
} as const;

export const effectivenessParameters = ['action_type', 'time_range', 'since'] as const;

export type ParameterName = keyof typeof parameters;
type Values = ReadonlyMap<string, string>;

export function parseActionsParameters(query: URLSearchParams, now: Date): Result<ActionQuery, string> {
  const read = readValues(query, Object.keys(parameters));
  if (!read.ok) return read;
  const values = read.value;
  const status = statuses.find((word) => word === values.get('status'));
  const engine = engines.find((word) => word === values.get('engine'));
  const after = values.get('after');
  if (values.has('status') && status === undefined) return fail(notOneOf('status', values, statuses));
  if (values.has('engine') && engine === undefined) return fail(notOneOf('engine', values, engines));
  if (after !== undefined && parseActionMark(after) === undefined) return fail('after: it is not the next of a page');
  const limit = parseCount('limit', values.get('limit'), usualLimit, 1, largestLimit);
  const since = sinceOf(values, now);
  if (!limit.ok) return limit;
  if (!since.ok) return since;
  return ok({
    ...defined('actionType', values.get('action_type')),
    ...defined('status', status),
    ...defined('engine', engine),
    ...defined('workflow', values.get('workflow')),
    ...defined('workflowUid', values.get('workflow_uid')),
    ...defined('namespace', values.get('namespace')),
    ...since.value,
    ...defined('after', after),
    limit: limit.value,
  });
}

export function parseEffectivenessParameters(
  query: URLSearchParams,
  now: Date,
): Result<Pick<ActionQuery, 'actionType' | 'since'>, string> {
  const values = readValues(query, effectivenessParameters);
  if (!values.ok) return values;
  const since = sinceOf(values.value, now);
  return since.ok ? ok({ ...defined('actionType', values.value.get('action_type')), ...since.value }) : since;
}

export function parseChangesParameters(
  query: URLSearchParams,
): Result<{ readonly after: number; readonly limit: number }, string> {
  const values = readValues(query, ['after', 'limit']);
  if (!values.ok) return values;
  const after = parseCount('after', values.value.get('after'), 0, 0, Number.MAX_SAFE_INTEGER);
  const limit = parseCount('limit', values.value.get('limit'), usualLimit, 1, largestLimit);
  if (!after.ok) return after;
  return limit.ok ? ok({ after: after.value, limit: limit.value }) : limit;
}

export function parseNone(query: URLSearchParams): Result<Values, string> {
  return readValues(query, []);
}

function sinceOf(values: Values, now: Date): Result<{ readonly since?: string }, string> {
  const [text, since] = [values.get('time_range'), values.get('since')];
  const ms = text === undefined ? undefined : parseTimeRange(text);
  if (text !== undefined && ms === undefined)
    return fail(`time_range: "${quoted(text, 64)}" is not a time such as 90d, 24h or 1h30m`);
  if (since !== undefined && !isTime(since))
    return fail(`since: "${quoted(since, 64)}" is not a time such as 2030-01-31T12:00:00Z`);
  const begins = [
    ...(ms === undefined ? [] : [now.getTime() - ms]),
    ...(since === undefined ? [] : [Date.parse(since)]),
  ];
  return ok(begins.length === 0 ? {} : { since: new Date(Math.max(...begins)).toISOString() });
}

function notOneOf(name: string, values: Values, words: readonly string[]): string {
  return `${name}: "${quoted(values.get(name) ?? '', 64)}" is none of ${words.join(', ')}`;
}

function readValues(query: URLSearchParams, names: readonly string[]): Result<Values, string> {
  const values = new Map<string, string>();
  for (const [name, value] of query) {
    if (!names.includes(name)) {
      const known = names.length === 0 ? 'there are none' : `they are ${names.join(', ')}`;
      return fail(`"${quoted(name, 64)}" is not a parameter; ${known}`);
    }
    if (value === '') return fail(`${name}: it is empty`);
    if (value.length > longestValue) return fail(`${name}: it is longer than ${longestValue} characters`);
    if (values.has(name)) return fail(`${name}: it is given more than once`);
    values.set(name, value);
  }
  return ok(values);
}

function parseCount(
  name: string,
  text: string | undefined,
  usual: number,
  least: number,
  most: number,
): Result<number, string> {
  if (text === undefined) return ok(usual);
  const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return number >= least && number <= most
    ? ok(number)
    : fail(`${name}: "${quoted(text, 64)}" is not a number from ${least} to ${most}`);
}
