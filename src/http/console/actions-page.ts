/** /console/actions: what was run, newest first. */
import { defined } from '../../kernel/defined.ts';
import type { ActionPage, ActionRecord } from '../../ports/action-history.ts';
import { engines, statuses } from '../../records/history/fields.ts';
import { actionSpans, actionsAddress, type ActionSearch } from './action-filters.ts';
import { engineNames, howLong, statusBadge, statusWord, whatItDoes, workflowAddress } from './action-words.ts';
import { problems } from './decisions-page.ts';
import { cut, html, type Html, type Part } from './html.ts';
import { page, time } from './layout.ts';
import { pager } from './pager.ts';
import { choiceField, searchForm, textField } from './search-form.ts';
import { table, type Column } from './table.ts';

export interface ActionsView {
  readonly user?: string;
  readonly asked: ActionSearch;
  /** Absent: nothing was asked, or there was no answer. */
  readonly found?: ActionPage;
  /** Why there is no answer. */
  readonly unavailable?: string;
}

export function actionsPage({ user, asked, found, unavailable }: ActionsView): Html {
  const title = 'Actions';
  return page(
    { title, here: 'actions', ...defined('user', user) },
    html`<h1>What was run</h1>
      ${form(asked.filters)} ${problems(asked.problems, unavailable)} ${found !== undefined && results(asked, found)}`,
  );
}

function form(filters: ActionSearch['filters']): Html {
  const statusChoices = [
    ['', 'Any status'],
    ...statuses.map((status) => [status, statusWord(status)] as const),
  ] as const;
  const engineChoices = [
    ['', 'Any engine'],
    ...engines.map((engine) => [engine, engineNames[engine]] as const),
  ] as const;
  return searchForm('/console/actions', filters, [
    choiceField('status', 'Status', filters.status, statusChoices),
    choiceField('within', 'When', filters.within, actionSpans),
    textField('type', 'Action type', filters.type, 'such as git/commit'),
    textField('workflow', 'Workflow', filters.workflow),
    textField('namespace', 'Namespace', filters.namespace),
    choiceField('engine', 'Engine', filters.engine, engineChoices),
  ]);
}

function results({ filters, place }: ActionSearch, { actions, next }: ActionPage): Html {
  const [newest] = actions;
  const oldest = actions.at(-1);
  if (newest === undefined || oldest === undefined) return nothing(filters, place.after !== undefined);
  const count = actions.length === 1 ? '1 action' : `${actions.length} actions`;
  const caption = html`${count}, newest first${next !== undefined && ', and older ones'}: ${time(oldest.executedAt)} to
  ${time(newest.executedAt)}`;
  return html`${table(caption, columns, actions)} ${pager(place, next, (to) => actionsAddress(filters, to))}`;
}

const columns: readonly Column<ActionRecord>[] = [
  { title: 'Began', cell: ({ executedAt }) => time(executedAt) },
  { title: 'Status', cell: ({ status }) => statusBadge(status) },
  { title: 'Workflow and step', isHeader: true, cell: stepLink },
  { title: 'Action', cell: whatItDoes },
  { title: 'Engine', cell: ({ engine }) => engineNames[engine] },
  { title: 'Took', cell: ({ durationMs }) => howLong(durationMs) },
  { title: 'What came of it', cell: whatCame },
];

function stepLink(action: ActionRecord): Html {
  const { workflowId, step, namespace } = action;
  return html`<a href="${workflowAddress(action)}">${cut(workflowId, 80)} <b>${cut(step, 80)}</b></a
    ><br /><span class="quiet">in ${cut(namespace, 64)}</span>`;
}

function whatCame({ outputs, failureReason, failureMessage }: ActionRecord): Part {
  if (failureReason !== undefined || failureMessage !== undefined)
    return html`<code>${failureReason}</code> ${cut(failureMessage ?? '', 160)}`;
  if (outputs === undefined) return html`<span class="quiet">none</span>`;
  return html`<code>${cut(JSON.stringify(outputs), 120)}</code>`;
}

function nothing(filters: ActionSearch['filters'], isOlder: boolean): Html {
  if (isOlder)
    return html`<div class="empty">
      <h2>Nothing older</h2>
      <p><a href="${actionsAddress(filters)}">Back to the newest</a></p>
    </div>`;
  if (Object.keys(filters).length > 0)
    return html`<div class="empty">
      <h2>No action fits these filters</h2>
      <p><a href="/console/actions">Clear all filters</a>.</p>
    </div>`;
  return html`<div class="empty">
    <h2>Nothing was run yet</h2>
    <p>Every step of a WorkflowExecution appears here when it begins. To see those that are there:</p>
    <pre class="command" tabindex="0"><code>kubectl get wfe,kwfe --all-namespaces</code></pre>
  </div>`;
}
