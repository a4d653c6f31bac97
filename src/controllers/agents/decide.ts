/**
 * What comes next for the server of an Agent: one act, or what its status says when there is nothing to be done. Whatever
 * belongs to somebody else is neither changed nor removed, whatever its name is. Pure.
 */
import { names } from '../../agents/model.ts';
import type { KubeObject, NewObject } from '../../kernel/kube-object.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import { defined } from '../../kernel/defined.ts';
import type { AgentAct, Decision, Observed, ServerPart, Setback, WantedServer } from './decision.ts';
import { configMapPatch, deploymentPatch, servicePatch } from './merge-difference.ts';
import { statusOf } from './status.ts';

/** What somebody has to mend, and of what nobody tells us that it is mended. */
const againMs = 30_000;
/** ConfigMaps are not watched: that of the contexts may have changed. */
const contextsMs = 60_000;

export function decide(observed: Observed): Decision {
  const { wanted } = observed;
  switch (wanted.kind) {
    case 'nothing':
      return withAct(nextRemoval(observed)) ?? settled(observed);
    case 'invalid':
      return settled(observed);
    case 'problem':
      return settled(observed, { reason: wanted.problem.reason, message: wanted.problem.message });
    case 'server': {
      if (observed.setback !== undefined) return settled(observed, observed.setback);
      const taken = takenName(observed, wanted.server);
      return taken === undefined
        ? (withAct(nextAct(observed, wanted.server)) ?? settled(observed))
        : settled(observed, taken);
    }
  }
}

function withAct(act: AgentAct | undefined): Decision | undefined {
  return act === undefined ? undefined : { kind: 'act', act };
}

function settled(observed: Observed, why?: { readonly reason: string; readonly message: string }): Decision {
  const requeueAfterMs = why === undefined ? pause(observed) : againMs;
  return {
    kind: 'settled',
    ...defined('status', statusOf(observed, why)),
    ...defined('requeueAfterMs', requeueAfterMs),
  };
}

function pause({ wanted, existing }: Observed): number | undefined {
  if (wanted.kind !== 'server') return undefined;
  // Its ConfigMap may be what is missing.
  if (wanted.server.configMap !== undefined && !hasReady(existing.deployment)) return againMs;
  return wanted.agent.contexts.some(({ type }) => type === 'ConfigMap') ? contextsMs : undefined;
}

// ---- what there is to be

/** Its Service first: without it nobody finds the server. */
const parts: readonly ServerPart[] = ['service', 'configMap', 'deployment'];

function takenName({ existing }: Observed, server: WantedServer): Setback | undefined {
  for (const part of parts) {
    const wanted = server[part];
    const there = existing[part];
    if (wanted !== undefined && there.kind === 'other') return nameTaken(wanted, there.owner);
  }
  return undefined;
}

function nameTaken({ kind, metadata: { name } }: NewObject, owner: string): Setback {
  const message = `${kind} ${name} belongs to ${owner}, and is left alone; rename the Agent, or remove the ${kind}`;
  return { reason: 'NameTaken', message };
}

function nextAct(observed: Observed, server: WantedServer): AgentAct | undefined {
  const { existing } = observed;
  const isOutdated = isDifferent(observed, 'deployment', server.deployment);
  for (const part of parts) {
    // Not watched, and looked for only when the server is not as it should be: a Pod copies it when it begins.
    const isSettled = !isOutdated && (server.configMap === undefined || hasReady(existing.deployment));
    if (part === 'configMap' && isSettled) continue;
    const act = actOn(observed, part, server);
    if (act !== undefined) return act;
  }
  return undefined;
}

function actOn({ existing }: Observed, part: ServerPart, server: WantedServer): AgentAct | undefined {
  const there = existing[part];
  const wanted = server[part];
  if (wanted === undefined) return actOnLeftover(existing, part);
  switch (there.kind) {
    case 'unknown':
      // Where there is no server yet, there is hardly one: creating it asks as well.
      return existing.deployment.kind === 'none' ? { kind: 'create', part, object: wanted } : { kind: 'read', part };
    case 'none':
      return { kind: 'create', part, object: wanted };
    case 'ours': {
      const { object } = there;
      if (madeFrom(object) === madeFrom(wanted)) return undefined;
      return { kind: 'patch', part, object, patch: patchOf(part, object, wanted) };
    }
    case 'other':
      return undefined;
  }
}

/** A server that had contexts, and has none any more. */
function actOnLeftover(existing: Observed['existing'], part: ServerPart): AgentAct | undefined {
  const there = existing[part];
  if (there.kind === 'unknown' && existing.deployment.kind === 'ours') return { kind: 'read', part };
  return there.kind === 'ours' ? { kind: 'remove', part, object: there.object } : undefined;
}

function isDifferent({ existing }: Observed, part: ServerPart, wanted: NewObject): boolean {
  const there = existing[part];
  return there.kind !== 'ours' || madeFrom(there.object) !== madeFrom(wanted);
}

function hasReady(there: Observed['existing']['deployment']): boolean {
  if (there.kind !== 'ours') return false;
  const { readyReplicas } = asRecord(there.object['status']) ?? {};
  // Nobody waits for a server that somebody has scaled to nothing.
  return asRecord(there.object['spec'])?.['replicas'] === 0 || (typeof readyReplicas === 'number' && readyReplicas > 0);
}

function madeFrom({ metadata }: NewObject): string | undefined {
  return metadata.annotations?.[names.madeFromAnnotation];
}

function patchOf(part: ServerPart, is: KubeObject, wanted: NewObject): object {
  switch (part) {
    case 'deployment':
      return deploymentPatch(is, wanted);
    case 'service':
      return servicePatch(is, wanted);
    case 'configMap':
      return configMapPatch(is, wanted);
  }
}

// ---- what there is not to be

/** The ConfigMap is asked for only where there was a server: nobody else has one. */
function nextRemoval({ existing, status }: Observed): AgentAct | undefined {
  for (const part of ['deployment', 'service'] as const) {
    const there = existing[part];
    if (there.kind === 'unknown') return { kind: 'read', part };
    if (there.kind === 'ours' && there.object.metadata.deletionTimestamp === undefined) {
      return { kind: 'remove', part, object: there.object };
    }
  }
  const { configMap } = existing;
  if (configMap.kind === 'unknown') return status.hasServer ? { kind: 'read', part: 'configMap' } : undefined;
  return configMap.kind === 'ours' ? { kind: 'remove', part: 'configMap', object: configMap.object } : undefined;
}
