/** What the lists of Tasks and Agents are narrowed to: the parameters of their addresses. */
import type { System } from '../../agents/model.ts';
import { phases, systems, type TaskView } from '../../agents/task-view.ts';
import { quoted } from '../../kernel/failure.ts';
import type { Choices } from './search-form.ts';
import { printSearch, readSearch, type Place, type Search } from './search.ts';
import { systemNames } from './task-words.ts';

const taskNames = ['phase', 'namespace', 'agent', 'system'] as const;
const agentNames = ['namespace', 'system'] as const;

export type TaskSearch = Search<(typeof taskNames)[number]>;
export type AgentSearch = Search<(typeof agentNames)[number]>;

export const systemChoices: Choices = [
  ['', 'Both'],
  ...systems.map((system) => [system, systemNames[system]] as const),
];
export const phaseChoices: Choices = [['', 'Any phase'], ...phases.map((phase) => [phase, phase] as const)];

/** Pages of Tasks are counted off from the newest. */
const mark = /^[1-9]\d{0,6}$/;

export function readTasksAddress(search: string): TaskSearch {
  const read = readSearch(search, taskNames, (text) => mark.test(text));
  const { phase, system } = read.filters;
  return withProblems(read, [...notOneOf('phase', phase, phases), ...notOneOf('system', system, systems)]);
}

export function readAgentsAddress(search: string): AgentSearch {
  const read = readSearch(search, agentNames, () => false);
  return withProblems(read, notOneOf('system', read.filters.system, systems));
}

function withProblems<S extends TaskSearch | AgentSearch>(read: S, more: readonly string[]): S {
  return { ...read, problems: [...new Set([...read.problems, ...more])].slice(0, 10) };
}

function notOneOf(what: string, text: string | undefined, known: readonly string[]): readonly string[] {
  return text === undefined || known.includes(text) ? [] : [`There is no ${what} "${quoted(text, 64)}".`];
}

export function systemsOf({ system }: { readonly system?: string }): readonly System[] {
  return systems.filter((one) => system === undefined || one === system);
}

export function tasksAddress(filters: TaskSearch['filters'], place?: Place): string {
  return printSearch('/console/tasks', taskNames, filters, place);
}

/** But for the phase, of which all are counted. An Agent is a name, or `namespace/name`. */
export function fits({ agent, namespace }: TaskSearch['filters'], task: TaskView): boolean {
  if (namespace !== undefined && task.namespace !== namespace) return false;
  return agent === undefined || agent === task.agent.name || agent === `${task.agent.namespace}/${task.agent.name}`;
}
