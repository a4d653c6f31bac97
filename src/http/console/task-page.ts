/** /console/tasks/SYSTEM/NAMESPACE/NAME: one Task, what it was told, what became of it, and the end of what it has printed. */
import { stripVTControlCharacters } from 'node:util';
import { stringify } from 'yaml';
import type { Condition } from '../../agents/model.ts';
import type { TaskView } from '../../agents/task-view.ts';
import { defined } from '../../kernel/defined.ts';
import { cut, html, type Html, type Part } from './html.ts';
import { page, time } from './layout.ts';
import { facts, table, type Column } from './table.ts';
import { tasksAddress } from './task-filters.ts';
import { age, groups, phaseBadge, systemNames, taskAddress } from './task-words.ts';

/** `hidden`: whoever looks may not read the logs of that namespace. `unavailable`: nobody knows. */
export type ShownLog =
  | { readonly kind: 'text'; readonly from: Part; readonly text: string; readonly isFailedInit: boolean }
  | { readonly kind: 'none'; readonly why: string }
  | { readonly kind: 'hidden'; readonly namespace: string }
  | { readonly kind: 'unavailable'; readonly message: string };

export interface TaskPageView {
  readonly user?: string;
  readonly task: TaskView;
  readonly log: ShownLog;
  readonly mayStop: boolean;
  readonly now: Date;
}

/** Of what was written on the page. */
const mostText = 16 * 1024;

export function taskPage({ user, task, log, mayStop, now }: TaskPageView): Html {
  return page(
    { title: `${task.phase}: ${cut(task.name, 80)}`, here: 'tasks', ...defined('user', user) },
    html`<p><a href="/console/tasks">All Tasks</a></p>
      <h1>${task.name} in ${task.namespace}</h1>
      <p class="verdict">${phaseBadge(task.phase)} ${sentence(task)}</p>
      ${mayStop && stopForm(task)} ${taskFacts(task, now)} ${conditions(task)}
      <section>
        <h2>Log</h2>
        ${logPart(log)}
      </section>
      <section>
        <h2>What it was told</h2>
        ${written('Description', task.description)} ${contexts(task)}
      </section>
      ${howToEnd(task)}`,
  );
}

function sentence({ why, isStopping, isDeleted }: TaskView): Part {
  if (isDeleted) return 'It is being deleted.';
  if (isStopping) return 'It was asked to stop.';
  return why && html`<code>${why.reason}</code> <span class="message">${cut(why.message, 1_000)}</span>`;
}

function stopForm(task: TaskView): Html {
  return html`<form method="post" action="${taskAddress(task)}/stop">
    <input type="hidden" name="uid" value="${task.uid}" />
    <p class="actions"><button>Stop this Task</button> The end of its log is kept.</p>
  </form>`;
}

function taskFacts(task: TaskView, now: Date): Html {
  const { system, namespace, agent, status, createdAt, uid } = task;
  const { podName, podNamespace = namespace, jobName, startTime, completionTime } = status;
  const ofAgent = tasksAddress({ agent: `${agent.namespace}/${agent.name}`, system });
  return facts([
    ['System', systemNames[system]],
    ['Agent', html`<a href="${ofAgent}">${agent.name}</a> in ${agent.namespace}`],
    ['Pod', podName !== undefined && html`<code>${podName}</code> in ${podNamespace}`],
    ['Job', jobName !== undefined && html`<code>${jobName}</code>`],
    ['Created', createdAt !== '' && html`${time(createdAt)}, ${age(createdAt, now)} ago`],
    ['Began', startTime !== undefined && time(startTime)],
    ['Ended', completionTime !== undefined && time(completionTime)],
    ['UID', html`<code>${uid}</code>`],
  ]);
}

const columns: readonly Column<Condition>[] = [
  { title: 'Condition', isHeader: true, cell: ({ type }) => cut(type, 80) },
  { title: 'Status', cell: ({ status }) => status },
  { title: 'Reason', cell: ({ reason }) => html`<code>${cut(reason, 80)}</code>` },
  { title: 'Message', cell: ({ message }) => html`<span class="message">${cut(message, 1_000)}</span>` },
  { title: 'Since', cell: ({ lastTransitionTime }) => time(lastTransitionTime) },
];

function conditions({ status }: TaskView): Part {
  return status.conditions.length > 0 && table('Conditions', columns, status.conditions);
}

function logPart(log: ShownLog): Part {
  switch (log.kind) {
    case 'text':
      return html`<p>
          ${log.isFailedInit && 'The agent has never begun, because this init container has failed. '}The end of the log
          of ${log.from}:
        </p>
        ${log.text === '' ? html`<p class="quiet">Nothing was printed.</p>` : pre('Log', plain(log.text))}`;
    case 'none':
      return html`<p class="quiet">${log.why}</p>`;
    case 'hidden':
      return html`<p class="quiet">
        Logs of namespace ${log.namespace}, where its Pod is, are for those who may <code>get pods/log</code> there.
      </p>`;
    case 'unavailable':
      return html`<p class="quiet">It cannot be read at the moment: ${log.message}.</p>`;
  }
}

/** Without the colours of a terminal; all other control characters are shown as such. */
function plain(text: string): string {
  return stripVTControlCharacters(text).replaceAll('\r\n', '\n');
}

function pre(label: string, text: string): Html {
  return html`<pre class="yaml" tabindex="0" role="region" aria-label="${label}"><code>${text}</code></pre>`;
}

function written(title: string, text: string | undefined): Part {
  if (text === undefined) return undefined;
  return html`<h3>${title}</h3>
    ${pre(title, cut(text, mostText))}`;
}

/** References are shown as such: what is behind them is not read. */
function contexts({ contexts: all, description }: TaskView): Part {
  if (all.length > 0)
    return written('Contexts', stringify(all, { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd());
  return (
    description === undefined && html`<p class="quiet">Nothing by itself; its template or its Agent may say more.</p>`
  );
}

function howToEnd({ system, name, namespace, phase }: TaskView): Part {
  if (system !== 'kubetask' || phase === 'Completed' || phase === 'Failed') return undefined;
  return html`<div class="notice">
    <h2>To end it</h2>
    <p>${systemNames[system]} has no stop; whoever may delete the Task ends its Job:</p>
    <pre class="command" tabindex="0"><code>kubectl delete tasks.${groups[system]} ${name} -n ${namespace}</code></pre>
  </div>`;
}
