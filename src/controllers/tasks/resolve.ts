/** What a Task refers to, as memory has it: its template, its Agent, and the settings that apply to it. */
import { mayUseAgent } from '../../agents/allowed-namespace.ts';
import { agentKinds } from '../../agents/kinds.ts';
import { mergeTemplate } from '../../agents/merge-template.ts';
import {
  names,
  type Agent,
  type Place,
  type SystemConfig,
  type Task,
  type TaskProblem,
  type TaskTemplate,
  type Work,
} from '../../agents/model.ts';
import { parseSystemConfig } from '../../agents/parse-config.ts';
import { serverProblem } from '../../agents/server-problem.ts';
import { defined } from '../../kernel/defined.ts';
import { quoted } from '../../kernel/failure.ts';
import type { KubeObject, ObjectPlace } from '../../kernel/kube-object.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import { parsedAgent, parsedTemplate } from './parsed.ts';

type Memory = Pick<ClusterObjects, 'get'>;
type Merged = ReturnType<typeof mergeTemplate>;

export interface Resolved {
  readonly work: Work;
  readonly config: SystemConfig;
}

export function resolve(
  objects: Memory,
  task: Task,
  defaults: { readonly systemImage: string },
): Result<Resolved, TaskProblem> {
  const merged = mergedWith(objects, task);
  if (!merged.ok) return merged;
  const agent = agentAt(objects, task, placeOfAgent(task, merged.value), task.agentRef !== undefined);
  if (!agent.ok) return agent;
  const config = configOf(objects, agent.value.namespace, defaults);
  if (!config.ok) return config;
  const { namespace, name, uid, createdAt } = task;
  const ofAgent = agent.value.contexts.map((item) => ({ item, namespace: agent.value.namespace }));
  const work: Work = {
    task: { namespace, name, uid, createdAt },
    agent: agent.value,
    ...defined('description', merged.value.description),
    contexts: [...ofAgent, ...merged.value.contexts],
  };
  return ok({ work, config: config.value });
}

/** Where its Agent is, whether there is one or not; undefined: only its template knows, which is not there. */
export function agentPlaceOf(objects: Memory, task: Task): Place | undefined {
  const merged = mergedWith(objects, task);
  return merged.ok ? placeOfAgent(task, merged.value) : undefined;
}

export function templatePlaceOf({
  namespace,
  templateRef,
}: Pick<Task, 'namespace' | 'templateRef'>): Place | undefined {
  return templateRef && { namespace: templateRef.namespace ?? namespace, name: templateRef.name };
}

function placeOfAgent({ namespace }: Pick<Task, 'namespace'>, { agentRef }: Pick<Merged, 'agentRef'>): Place {
  return { namespace: agentRef?.namespace ?? namespace, name: agentRef?.name ?? names.defaultAgent };
}

function mergedWith(objects: Memory, task: Task): Result<Merged, TaskProblem> {
  const place = templatePlaceOf(task);
  if (place === undefined) return ok(mergeTemplate(task, undefined));
  const template = templateAt(objects, place);
  return template.ok ? ok(mergeTemplate(task, template.value)) : template;
}

function templateAt(objects: Memory, place: Place): Result<TaskTemplate, TaskProblem> {
  const found = objects.get({ kind: agentKinds.template, ...place });
  if (found !== undefined) return parsedTemplate(found);
  const message = `TaskTemplate ${written(place)} not found; create it, or name another in spec.taskTemplateRef`;
  return fail({ reason: 'TaskTemplateError', message });
}

function agentAt(objects: Memory, task: Task, place: Place, isNamed: boolean): Result<Agent, TaskProblem> {
  const found = objects.get({ kind: agentKinds.agent, ...place });
  if (found === undefined) {
    const advice = isNamed ? 'create it, or name another in spec.agentRef' : 'create it, or name one in spec.agentRef';
    return refused(`Agent ${written(place)} not found; ${advice}`);
  }
  const agent = parsedAgent(found);
  if (!agent.ok) return agent;
  const { deleted, serviceAccountName } = agent.value;
  if (deleted) return refused(`Agent ${written(place)} is being deleted; name another in spec.agentRef`);
  if (serviceAccountName === '') {
    return refused(`Agent ${written(place)} has no spec.serviceAccountName; write the account that its Pods run as`);
  }
  const problem = serverProblem(found, agent.value);
  if (problem !== undefined) return refused(`Agent ${written(place)} has no server to attach to: ${problem}`);
  if (task.namespace === place.namespace || mayUseAgent(agent.value, task.namespace)) return agent;
  return refused(
    `namespace "${quoted(task.namespace, 63)}" is not allowed to use Agent ${written(place)}; its spec.allowedNamespaces says who is`,
  );
}

/** What a Task refers to and memory does not have: it may have been heard of late. */
export function missingFor(objects: Memory, task: Task): ObjectPlace | undefined {
  const template = templatePlaceOf(task);
  const isUnknown = (place: ObjectPlace): boolean => objects.get(place) === undefined;
  const places = [template && { kind: agentKinds.template, ...template }, agentOf(objects, task)];
  return places.find((place) => place !== undefined && isUnknown(place));
}

function agentOf(objects: Memory, task: Task): ObjectPlace | undefined {
  const place = agentPlaceOf(objects, task);
  return place && { kind: agentKinds.agent, ...place };
}

/** The namespace's own, else that of the installation, else what we were started with. */
export function configOf(
  objects: Memory,
  namespace: string,
  defaults: { readonly systemImage: string },
): Result<SystemConfig, TaskProblem> {
  return parseSystemConfig(configAt(objects, namespace) ?? configAt(objects, names.configNamespace), defaults);
}

function configAt(objects: Memory, namespace: string): KubeObject | undefined {
  return objects.get({ kind: agentKinds.config, namespace, name: names.defaultConfig });
}

function refused(message: string): Result<never, TaskProblem> {
  return fail({ reason: 'AgentError', message });
}

function written({ namespace, name }: Place): string {
  return `"${quoted(namespace, 63)}/${quoted(name, 253)}"`;
}
