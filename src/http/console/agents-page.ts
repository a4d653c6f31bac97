/** /console/agents: who does the Tasks, how busy they are, and what is wrong with them. */
import type { AgentView, ServerView } from '../../agents/agent-view.ts';
import { defined } from '../../kernel/defined.ts';
import { problems } from './decisions-page.ts';
import { cut, html, type Html, type Part } from './html.ts';
import { page } from './layout.ts';
import { choiceField, searchForm, textField } from './search-form.ts';
import { table, type Column } from './table.ts';
import { systemChoices, tasksAddress, type AgentSearch } from './task-filters.ts';
import { age, systemNames } from './task-words.ts';

export interface AgentsView {
  readonly user?: string;
  readonly asked: AgentSearch;
  readonly now: Date;
  /** Absent: nothing was asked, or may be shown. */
  readonly agents?: readonly AgentView[];
  /** What is not shown, and why. */
  readonly notices?: readonly Part[];
}

const most = 500;

export function agentsPage({ user, asked, now, agents, notices = [] }: AgentsView): Html {
  return page(
    { title: 'Agents', here: 'agents', ...defined('user', user) },
    html`<h1>Agents</h1>
      ${form(asked.filters)} ${problems(asked.problems, undefined)} ${notices}
      ${agents !== undefined && results(asked.filters, agents, now)}`,
  );
}

function form(filters: AgentSearch['filters']): Html {
  return searchForm('/console/agents', filters, [
    textField('namespace', 'Namespace', filters.namespace),
    choiceField('system', 'System', filters.system, systemChoices),
  ]);
}

function results(filters: AgentSearch['filters'], agents: readonly AgentView[], now: Date): Html {
  if (agents.length === 0)
    return html`<div class="empty">
      <h2>${Object.keys(filters).length > 0 ? 'No Agent fits these filters' : 'There is no Agent'}</h2>
      <p>A Task needs one: an Agent named <code>default</code> in its namespace, or the one that it names.</p>
    </div>`;
  const shown = agents.slice(0, most);
  const rest = agents.length - shown.length;
  return html`${table(agents.length === 1 ? '1 Agent' : `${shown.length} Agents, by name`, columns(now), shown)}
  ${rest > 0 && html`<p>There are ${rest} more; name a namespace to see them.</p>`}`;
}

function columns(now: Date): readonly Column<AgentView>[] {
  return [
    { title: 'Agent', isHeader: true, cell: agentCell },
    { title: 'Mode', cell: mode },
    { title: 'Tasks', cell: load },
    { title: 'Starts', cell: quota },
    { title: 'Images', cell: images },
    { title: 'Age', cell: ({ createdAt }) => age(createdAt, now) },
    { title: 'System', cell: ({ system }) => html`<span class="whole">${systemNames[system]}</span>` },
  ];
}

function agentCell({ system, namespace, name }: AgentView): Html {
  const tasks = tasksAddress({ agent: `${namespace}/${name}`, system });
  return html`<a href="${tasks}"><b>${cut(name, 80)}</b></a
    ><br /><span class="quiet">in ${cut(namespace, 64)}</span>`;
}

function mode({ settings, problem }: AgentView): Part {
  if (settings === undefined)
    return html`<span class="badge broken"><span aria-hidden="true">✕</span> Not usable</span><br /><span
        class="message"
        >${cut(problem ?? '', 300)}</span
      >`;
  switch (settings.mode) {
    case 'pod':
      return 'A Pod for each Task';
    case 'job':
      return 'A Job for each Task';
    case 'server':
      return settings.server && server(settings.server);
  }
}

function server({ isReady, readyReplicas, port, url, why }: ServerView): Html {
  const badge = isReady
    ? html`<span class="badge ready"><span aria-hidden="true">✓</span> Server ready</span>`
    : html`<span class="badge not-ready"><span aria-hidden="true">…</span> Server not ready</span>`;
  return html`${badge}<br />${readyReplicas === 1 ? '1 replica' : `${readyReplicas} replicas`}, port ${port}
    ${url !== undefined && html`<br /><code>${cut(url, 200)}</code>`}
    ${!isReady && why !== undefined && html`<br /><code>${why.reason}</code> ${cut(why.message, 160)}`}`;
}

function load({ running, queued, settings }: AgentView): string {
  const limit = settings?.maxConcurrentTasks;
  const most = limit === undefined ? `${running} running` : `${running} of ${limit} running`;
  return queued === 0 ? most : `${most}, ${queued} queued`;
}

function quota({ settings }: AgentView): Part {
  const { used, max, windowSeconds } = settings?.quota ?? {};
  if (max === undefined) return html`<span class="quiet">no quota</span>`;
  return `${used} of ${max} in ${windowSeconds} s`;
}

function images({ settings }: AgentView): Part {
  return settings?.images.map(
    ([use, image], index) => html`${index > 0 && html`<br />`}${use}: <span class="image">${cut(image, 200)}</span>`,
  );
}
