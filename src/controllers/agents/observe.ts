/** What there is of the server of an Agent, and what there is to be. */
import { layOut } from '../../agents/workspace.ts';
import type { Agent, ConfigMaps, SystemConfig, TaskProblem } from '../../agents/model.ts';
import { serverConfigMap, serverDeployment, serverService, serverWork } from '../../agents/server.ts';
import { serverConfigMapName, serverDeploymentName, serverServiceName } from '../../agents/server-names.ts';
import { workProblem } from '../../agents/work-problem.ts';
import { defined } from '../../kernel/defined.ts';
import { quoted } from '../../kernel/failure.ts';
import type { KubeObject, ObjectPlace } from '../../kernel/kube-object.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { isControlledBy } from '../../workflow/controller-reference.ts';
import { kindOfPart } from './act.ts';
import type { Existing, ServerPart, Wanted, WantedServer } from './decision.ts';

export function wantedFor(
  parsed: Result<Agent, TaskProblem>,
  configMaps: ConfigMaps,
  config: Result<SystemConfig, TaskProblem>,
): Wanted {
  if (!parsed.ok) return { kind: 'invalid', problem: parsed.failure };
  const agent = parsed.value;
  if (agent.server === undefined) return { kind: 'nothing' };
  const server = config.ok ? serverOf(agent, configMaps, config.value) : config;
  return server.ok
    ? { kind: 'server', agent, server: server.value }
    : { kind: 'problem', agent, problem: server.failure };
}

function serverOf(agent: Agent, configMaps: ConfigMaps, config: SystemConfig): Result<WantedServer, TaskProblem> {
  if (agent.serviceAccountName === '') {
    return fail({
      reason: 'AgentError',
      message: 'spec.serviceAccountName is missing; write the account that its Pods run as',
    });
  }
  const work = serverWork(agent);
  const workspace = layOut(work, configMaps, config.allowedUrlHosts);
  if (!workspace.ok) return workspace;
  const problem = workProblem(work, workspace.value);
  if (problem !== undefined) return fail(problem);
  return ok({
    deployment: serverDeployment(agent, workspace.value, config),
    service: serverService(agent),
    ...defined('configMap', serverConfigMap(agent, workspace.value)),
  });
}

export function placeOf(part: ServerPart, { metadata: { namespace = '', name } }: KubeObject): ObjectPlace {
  return { kind: kindOfPart[part], namespace, name: nameOf(part, { namespace, name }) };
}

function nameOf(part: ServerPart, agent: { readonly namespace: string; readonly name: string }): string {
  switch (part) {
    case 'service':
      return serverServiceName(agent);
    case 'configMap':
      return serverConfigMapName(agent);
    case 'deployment':
      return serverDeploymentName(agent);
  }
}

/** Ours by controller reference to this very Agent; a name alone says nothing. */
export function existing(object: KubeObject | undefined, agent: KubeObject): Existing {
  if (object === undefined) return { kind: 'none' };
  if (isControlledBy(object, agent.metadata.uid)) return { kind: 'ours', object };
  const owner = object.metadata.ownerReferences?.find(({ controller }) => controller === true);
  const named = owner === undefined ? 'somebody else' : `${owner.kind} ${quoted(owner.name, 253)}`;
  return { kind: 'other', owner: owner?.name === agent.metadata.name ? `a former ${named}` : named };
}
