/**
 * What the status of an Agent says of its server. What others write into it stays as it is: the starts of its Tasks count
 * for its quota. Pure.
 */
import { serverUrl } from '../../agents/server.ts';
import { wholeSeconds } from '../../agents/task-conditions.ts';
import type { Condition } from '../../agents/model.ts';
import { defined } from '../../kernel/defined.ts';
import type { KubeObject } from '../../kernel/kube-object.ts';
import { stableJson } from '../../kernel/stable-json.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import { readConditions } from '../../workflow/parse-status.ts';
import { Seen } from '../../workflow/seen.ts';
import type { AgentStatus, Existing, Observed } from './decision.ts';

type Said = Pick<Condition, 'status' | 'reason' | 'message'>;
type Why = { readonly reason: string; readonly message: string } | undefined;

const types = ['Valid', 'ServerReady', 'ServerHealthy'] as const;
type ConditionType = (typeof types)[number];

export function parseAgentStatus(agent: KubeObject): AgentStatus {
  const status = new Seen(agent['status']);
  const conditions = readConditions(status);
  return {
    ...defined('observedGeneration', status.number('observedGeneration')),
    conditions,
    hasServer: status.raw('serverStatus') !== undefined || conditions.some(({ type }) => type === 'ServerReady'),
    written: asRecord(agent['status']) ?? {},
  };
}

/** Undefined: it says so already. */
export function statusOf(observed: Observed, why: Why): object | undefined {
  const { status, wanted, agent } = observed;
  const { written } = status;
  const isSilent = wanted.kind === 'nothing' && !hasOurs(status);
  if (isSilent) return undefined;
  const { serverStatus: before, conditions: _, ...others } = written;
  const conditions = conditionsOf(observed, why);
  const next = {
    ...others,
    observedGeneration: agent.metadata.generation ?? 0,
    ...(conditions.length > 0 && { conditions }),
    ...defined('serverStatus', serverStatus(observed, before)),
  };
  return stableJson(next) === stableJson(written) ? undefined : next;
}

function hasOurs({ conditions, hasServer, observedGeneration }: AgentStatus): boolean {
  return hasServer || observedGeneration !== undefined || conditions.some(({ type }) => isOurs(type));
}

function isOurs(type: string): type is ConditionType {
  return types.some((ours) => ours === type);
}

/** Only of what is ours: nobody is to be sent to somebody else's Service. */
function serverStatus({ wanted, existing }: Observed, before: unknown): unknown {
  switch (wanted.kind) {
    case 'nothing':
      return undefined;
    case 'invalid':
      return before;
    case 'problem':
    case 'server': {
      const { deployment, service } = existing;
      if (deployment.kind !== 'ours' || service.kind !== 'ours') return undefined;
      return {
        deploymentName: deployment.object.metadata.name,
        serviceName: service.object.metadata.name,
        url: serverUrl(wanted.agent),
        readyReplicas: readyReplicas(deployment),
      };
    }
  }
}

// ---- conditions

/** They change their time only with their status, and others' are kept. */
function conditionsOf(observed: Observed, why: Why): readonly Condition[] {
  const { status, now, agent } = observed;
  const said = whatIsSaid(observed, why);
  const observedGeneration = agent.metadata.generation ?? 0;
  const own = types.flatMap((type): readonly Condition[] => {
    const before = status.conditions.find((condition) => condition.type === type);
    const says = said[type];
    if (says === 'as before') return before === undefined ? [] : [before];
    if (says === undefined) return [];
    const since = before?.status === says.status ? before.lastTransitionTime : wholeSeconds(now);
    return [{ type, ...says, lastTransitionTime: since, observedGeneration }];
  });
  return [...status.conditions.filter(({ type }) => !isOurs(type)), ...own];
}

/** Absent: not said at all. */
function whatIsSaid(
  { wanted, existing }: Observed,
  why: Why,
): Partial<Readonly<Record<ConditionType, Said | 'as before'>>> {
  switch (wanted.kind) {
    case 'nothing':
      return {};
    case 'invalid': {
      const { reason, message } = wanted.problem;
      return {
        Valid: { status: 'False', reason, message },
        ServerReady: 'as before',
        ServerHealthy: 'as before',
      };
    }
    case 'problem':
    case 'server': {
      const healthy = health(existing.deployment);
      return {
        ServerReady: why === undefined ? ready(existing.deployment) : { status: 'False', ...why },
        ServerHealthy: healthy,
      };
    }
  }
}

function ready(deployment: Existing): Said {
  const replicas = readyReplicas(deployment);
  return replicas > 0
    ? {
        status: 'True',
        reason: 'DeploymentReady',
        message: `the server has ${replicas} ready ${replicas === 1 ? 'replica' : 'replicas'}`,
      }
    : { status: 'False', reason: 'DeploymentNotReady', message: notReady(deployment) };
}

function health(deployment: Existing): Said {
  return readyReplicas(deployment) > 0
    ? { status: 'True', reason: 'DeploymentHealthy', message: 'the server answers at /session/status' }
    : { status: 'False', reason: 'DeploymentNotReady', message: notReady(deployment) };
}

function notReady(deployment: Existing): string {
  if (deployment.kind !== 'ours') return 'the server has no Deployment yet';
  const { name } = deployment.object.metadata;
  if (asRecord(deployment.object['spec'])?.['replicas'] === 0) return `Deployment ${name} is scaled to 0`;
  return `Deployment ${name} has no ready replica; kubectl describe its Pods for the reason`;
}

function readyReplicas(deployment: Existing): number {
  if (deployment.kind !== 'ours') return 0;
  const { readyReplicas: ready } = asRecord(deployment.object['status']) ?? {};
  return typeof ready === 'number' ? ready : 0;
}
