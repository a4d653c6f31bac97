/** /console/tasks: Tasks of both systems, newest first. */
import { phases, type ShownPhase, type TaskView } from '../../agents/task-view.ts';
import { defined } from '../../kernel/defined.ts';
import { problems } from './decisions-page.ts';
import { cut, html, type Html, type Part } from './html.ts';
import { page } from './layout.ts';
import { pager } from './pager.ts';
import { choiceField, searchForm, textField } from './search-form.ts';
import { table, type Column } from './table.ts';
import { phaseChoices, systemChoices, tasksAddress, type TaskSearch } from './task-filters.ts';
import { age, agentName, phaseBadge, systemNames, taskAddress } from './task-words.ts';

export interface TasksView {
  readonly user?: string;
  readonly asked: TaskSearch;
  readonly now: Date;
  /** Absent: nothing was asked, or may be shown. */
  readonly found?: FoundTasks;
  /** What is not shown, and why. */
  readonly notices?: readonly Part[];
}

export interface FoundTasks {
  /** Of this page. */
  readonly tasks: readonly TaskView[];
  /** Of all that fit, whatever their phase. */
  readonly counts: ReadonlyMap<ShownPhase, number>;
  readonly next?: string;
}

export function tasksPage({ user, asked, now, found, notices = [] }: TasksView): Html {
  return page(
    { title: 'Tasks', here: 'tasks', ...defined('user', user) },
    html`<h1>Tasks of agents</h1>
      ${form(asked.filters)} ${problems(asked.problems, undefined)} ${notices}
      ${found !== undefined && results(asked, found, now)}`,
  );
}

function form(filters: TaskSearch['filters']): Html {
  return searchForm('/console/tasks', filters, [
    choiceField('phase', 'Phase', filters.phase, phaseChoices),
    textField('namespace', 'Namespace', filters.namespace),
    textField('agent', 'Agent', filters.agent, 'name or namespace/name'),
    choiceField('system', 'System', filters.system, systemChoices),
  ]);
}

function results({ filters, place }: TaskSearch, { tasks, counts, next }: FoundTasks, now: Date): Html {
  if (tasks.length === 0) return nothing(filters, place.after !== undefined);
  const shown = phases.filter((phase) => counts.has(phase));
  return html`<ul class="counts">
      ${shown.map(
        (phase) =>
          html`<li>
            <a href="${tasksAddress({ ...filters, phase })}"><b>${counts.get(phase)}</b> ${phase}</a>
          </li>`,
      )}
    </ul>
    ${table(tasks.length === 1 ? '1 Task' : `${tasks.length} Tasks, newest first`, columns(now), tasks)}
    ${pager(place, next, (to) => tasksAddress(filters, to))}`;
}

function columns(now: Date): readonly Column<TaskView>[] {
  return [
    { title: 'Task', isHeader: true, cell: taskLink },
    { title: 'Phase', cell: ({ phase }) => phaseBadge(phase) },
    { title: 'Agent', cell: ({ agent, namespace }) => agentName(agent, namespace) },
    { title: 'Age', cell: ({ createdAt }) => age(createdAt, now) },
    { title: 'Why', cell: whyIt },
    { title: 'System', cell: ({ system }) => html`<span class="whole">${systemNames[system]}</span>` },
  ];
}

function taskLink(task: TaskView): Html {
  return html`<a href="${taskAddress(task)}"><b>${cut(task.name, 80)}</b></a
    ><br /><span class="quiet">in ${cut(task.namespace, 64)}</span>`;
}

function whyIt({ why, isStopping, isDeleted }: TaskView): Part {
  if (isDeleted) return 'It is being deleted.';
  if (isStopping) return 'It is to stop.';
  return why && html`<code>${why.reason}</code> ${cut(why.message, 160)}`;
}

function nothing(filters: TaskSearch['filters'], isOlder: boolean): Html {
  if (isOlder)
    return html`<div class="empty">
      <h2>Nothing older</h2>
      <p><a href="${tasksAddress(filters)}">Back to the newest</a></p>
    </div>`;
  if (Object.keys(filters).length > 0)
    return html`<div class="empty">
      <h2>No Task fits these filters</h2>
      <p><a href="/console/tasks">Clear all filters</a>.</p>
    </div>`;
  return html`<div class="empty">
    <h2>There is no Task</h2>
    <p>Whatever is created appears here at once. To see what the cluster has:</p>
    <pre
      class="command"
      tabindex="0"
    ><code>kubectl get tasks.kubeopencode.io,tasks.kubetask.io --all-namespaces</code></pre>
  </div>`;
}
