/** What the list of actions is narrowed to: the parameters of its address, and what they ask of the history. */
import { defined } from '../../kernel/defined.ts';
import { quoted } from '../../kernel/failure.ts';
import type { ActionQuery } from '../../ports/action-history.ts';
import { engines, statuses } from '../../records/history/fields.ts';
import { parseActionMark } from '../../records/history/page-mark.ts';
import { parseTimeRange } from '../../records/history/time-range.ts';
import { spanChoices } from './filter-form.ts';
import { printSearch, readSearch, type Place, type Search } from './search.ts';

const names = ['status', 'within', 'type', 'workflow', 'namespace', 'engine'] as const;
type Name = (typeof names)[number];

export type ActionSearch = Search<Name>;

export const actionSpans = [...spanChoices, ['90d', 'Last 90 days']] as const;

export function readActionsAddress(search: string): ActionSearch {
  const read = readSearch(search, names, (text) => parseActionMark(text) !== undefined);
  return { ...read, problems: [...new Set([...read.problems, ...problemsOf(read.filters)])].slice(0, 10) };
}

function problemsOf({ status, engine, within }: ActionSearch['filters']): readonly string[] {
  return [
    ...notOneOf('status', status, statuses),
    ...notOneOf('engine', engine, engines),
    ...notOneOf(
      'time span',
      within,
      actionSpans.map(([span]) => span),
    ),
  ];
}

function notOneOf(what: string, text: string | undefined, known: readonly string[]): readonly string[] {
  return text === undefined || known.includes(text) ? [] : [`There is no ${what} "${quoted(text, 64)}".`];
}

export function actionQuery({ filters, place }: ActionSearch, now: Date, limit: number): ActionQuery {
  const { type, workflow, namespace, within } = filters;
  const ms = within === undefined ? undefined : parseTimeRange(within);
  return {
    limit,
    ...defined(
      'status',
      statuses.find((status) => status === filters.status),
    ),
    ...defined(
      'engine',
      engines.find((engine) => engine === filters.engine),
    ),
    ...defined('actionType', type),
    ...defined('workflow', workflow),
    ...defined('namespace', namespace),
    ...defined('since', ms === undefined ? undefined : new Date(now.getTime() - ms).toISOString()),
    ...defined('after', place.after),
  };
}

export function actionsAddress(filters: ActionSearch['filters'], place?: Place): string {
  return printSearch('/console/actions', names, filters, place);
}
