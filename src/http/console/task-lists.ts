/** /console/tasks and /console/agents: what whoever asks may list. */
import type { RequestHandler, Response } from 'express';
import type { ShownPhase, TaskView } from '../../agents/task-view.ts';
import { defined } from '../../kernel/defined.ts';
import { agentsPage } from './agents-page.ts';
import { html, type Html, type Part } from './html.ts';
import { callerOf, userOf } from './require-access.ts';
import { searchOf, sendPage } from './response.ts';
import { sendClusterAway, whoAreYou } from './task-answers.ts';
import { listSystems, mayList, soon, type KnownTasks, type Listed, type Seen } from './task-rights.ts';
import { fits, readAgentsAddress, readTasksAddress, systemsOf, type TaskSearch } from './task-filters.ts';
import { groups, systemNames } from './task-words.ts';
import { tasksPage, type FoundTasks } from './tasks-page.ts';

const pageSize = 100;

export function taskList({ tasks, guard, clock }: KnownTasks): RequestHandler {
  return async (request, response) => {
    const asked = readTasksAddress(searchOf(request));
    const view = { ...userOf(response), asked, now: clock.now() };
    if (asked.problems.length > 0) return sendPage(response, 400, tasksPage(view));
    const { namespace } = asked.filters;
    const found = await listSystems(
      systemsOf(asked.filters),
      (system) => mayList(guard, callerOf(response), [system, 'tasks'], namespace),
      (system) => tasks.list(system, namespace, soon()),
    );
    if (!found.ok) return sendClusterAway(response, 'Tasks', found.failure.message);
    const notices = noticesOf(response, 'tasks', found.value, namespace);
    const shown = found.value.isAny ? { found: pageOf(found.value.items, asked) } : {};
    sendPage(response, statusOfSeen(found.value), tasksPage({ ...view, notices, ...shown }));
  };
}

/** Newest first. */
function pageOf(all: readonly TaskView[], { filters, place }: TaskSearch): FoundTasks {
  const fitting = all.filter((task) => fits(filters, task));
  const counts = new Map<ShownPhase, number>();
  for (const { phase } of fitting) counts.set(phase, (counts.get(phase) ?? 0) + 1);
  const wanted = fitting
    .filter(({ phase }) => filters.phase === undefined || phase === filters.phase)
    .toSorted((a, b) => b.createdAt.localeCompare(a.createdAt) || titleOf(a).localeCompare(titleOf(b)));
  const begin = Number(place.after ?? 0);
  const end = begin + pageSize;
  return {
    tasks: wanted.slice(begin, end),
    counts,
    ...defined('next', end < wanted.length ? String(end) : undefined),
  };
}

function titleOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

export function agentList({ tasks, guard, clock }: KnownTasks): RequestHandler {
  return async (request, response) => {
    const asked = readAgentsAddress(searchOf(request));
    const view = { ...userOf(response), asked, now: clock.now() };
    if (asked.problems.length > 0) return sendPage(response, 400, agentsPage(view));
    const { namespace } = asked.filters;
    const found = await listSystems(
      systemsOf(asked.filters),
      (system) => mayList(guard, callerOf(response), [system, 'agents'], namespace),
      (system) => tasks.agents(system, namespace, soon()),
    );
    if (!found.ok) return sendClusterAway(response, 'Agents', found.failure.message, 'agents');
    const notices = noticesOf(response, 'agents', found.value, namespace);
    const agents = found.value.items.toSorted((a, b) => titleOf(a).localeCompare(titleOf(b)));
    const shown = found.value.isAny ? { agents } : {};
    sendPage(response, statusOfSeen(found.value), agentsPage({ ...view, notices, ...shown }));
  };
}

function statusOfSeen({ isAny, hidden }: Seen<unknown>): number {
  return hidden.length > 0 && !isAny ? 403 : 200;
}

function noticesOf(
  response: Response,
  listed: Listed,
  seen: Seen<unknown>,
  namespace: string | undefined,
): readonly Part[] {
  const { hidden, missing } = seen;
  if (hidden.length > 0 && callerOf(response) === undefined) return [notice('Who are you?', [whoAreYou])];
  const where = namespace === undefined ? 'in all namespaces' : `in namespace ${namespace}`;
  const sentences = [
    ...hidden.map((system) => html`You may not <code>list ${listed}.${groups[system]}</code> ${where}.`),
    ...(hidden.length > 0 && namespace === undefined ? ['Name a namespace in which you may.'] : []),
    ...missing.map((system) => `The cluster does not have ${systemNames[system]}: its definitions are not installed.`),
  ];
  return sentences.length === 0 ? [] : [notice('Not everything is shown', sentences)];
}

function notice(title: string, sentences: readonly Part[]): Html {
  return html`<div class="notice">
    <h2>${title}</h2>
    ${sentences.map((sentence) => html`<p>${sentence}</p>`)}
  </div>`;
}
