/** Does what was decided about the server of an Agent. What it brings to light is known for the rest of the round. */
import { agentKinds } from '../../agents/kinds.ts';
import type { Kind, KubeObject, NewObject, ObjectPlace } from '../../kernel/kube-object.ts';
import type { Result } from '../../kernel/result.ts';
import type { ClusterObjects, Created, Written } from '../../ports/cluster-objects.ts';
import { limited } from '../runtime/limited.ts';
import type { AgentAct, ServerPart, Setback } from './decision.ts';

export type Done =
  /** `object`: undefined where there is none. */
  | {
      readonly kind: 'done';
      readonly object: KubeObject | undefined;
      readonly told?: 'Created' | 'Updated' | 'Removed';
    }
  | { readonly kind: 'setback'; readonly setback: Setback }
  | { readonly kind: 'retry'; readonly why: string };

const actTimeoutMs = 15_000;

export const kindOfPart: Readonly<Record<ServerPart, Kind>> = {
  service: agentKinds.service,
  configMap: agentKinds.configMap,
  deployment: agentKinds.deployment,
};

export async function act(
  objects: ClusterObjects,
  what: AgentAct,
  place: ObjectPlace,
  outer: AbortSignal,
): Promise<Done> {
  const signal = limited(outer, actTimeoutMs);
  switch (what.kind) {
    case 'read': {
      const read = await objects.read(place, signal);
      return read.ok ? { kind: 'done', object: read.value } : { kind: 'retry', why: read.failure.message };
    }
    case 'create':
      return created(what.object, await objects.create(what.object, place.kind, signal));
    case 'patch':
      return patched(place, await objects.patch(place, what.patch, signal));
    case 'remove': {
      const removed = await objects.remove(place, what.object.metadata.uid, signal);
      if (!removed.ok) return { kind: 'retry', why: removed.failure.message };
      return { kind: 'done', object: undefined, told: 'Removed' };
    }
  }
}

/** One that exists is looked at like any other: it may be ours, and memory may not have it yet. */
function created(wanted: NewObject, answer: Result<Created>): Done {
  if (!answer.ok) return { kind: 'retry', why: answer.failure.message };
  switch (answer.value.kind) {
    case 'created':
      return { kind: 'done', object: answer.value.object, told: 'Created' };
    case 'exists':
      return { kind: 'done', object: answer.value.object };
    case 'refused':
      return refused(`${wanted.kind} ${wanted.metadata.name}`, answer.value);
  }
}

function patched(place: ObjectPlace, answer: Result<Written>): Done {
  if (!answer.ok) return { kind: 'retry', why: answer.failure.message };
  switch (answer.value.kind) {
    case 'written':
      return { kind: 'done', object: answer.value.object, told: 'Updated' };
    case 'superseded':
      return { kind: 'retry', why: `${place.kind.kind} ${place.name} was removed, or changed by somebody` };
    case 'refused':
      return refused(`${place.kind.kind} ${place.name}`, answer.value);
  }
}

function refused(what: string, { status, message }: { readonly status: number; readonly message: string }): Done {
  const said = `${what} was refused by the API server (${status}): ${message}`;
  return { kind: 'setback', setback: { reason: 'Refused', message: said } };
}
