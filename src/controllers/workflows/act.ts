/** Does what was decided, one act after the other. What cannot be done ends the round; nothing is undone. */
import type { KubeObject, NewObject, ObjectPlace } from '../../kernel/kube-object.ts';
import { defined } from '../../kernel/defined.ts';
import type { Failure } from '../../kernel/failure.ts';
import type { Result } from '../../kernel/result.ts';
import type { ActionOutbox } from '../../ports/action-history.ts';
import type { ClusterObjects, Created, Written } from '../../ports/cluster-objects.ts';
import type { Events } from '../../ports/events.ts';
import type { Logger } from '../../ports/logger.ts';
import { kinds } from '../../workflow/kinds.ts';
import type { WorkflowStatus } from '../../workflow/model.ts';
import type { Act, Setback } from './decision.ts';

export interface ActPorts {
  readonly objects: ClusterObjects;
  readonly history: ActionOutbox;
  readonly events: Events;
  readonly log: Logger;
}

/** The workflow that the acts are for. */
export interface Acting {
  readonly object: KubeObject;
  readonly place: ObjectPlace;
}

export type Done =
  | { readonly kind: 'done' }
  /** Records are best effort; what is missing at the end is handed over again then. */
  | { readonly kind: 'not-kept' }
  | { readonly kind: 'setback'; readonly setback: Setback }
  /** Somebody was faster: what there is now comes with the watch. */
  | { readonly kind: 'superseded' }
  | { readonly kind: 'retry'; readonly why: string };

const done: Done = { kind: 'done' };
const actTimeoutMs = 15_000;

/** Everything but `tell`, which is said when all else is done. */
export async function act(ports: ActPorts, acting: Acting, what: Act, signal: AbortSignal): Promise<Done> {
  const { objects, history, log } = ports;
  const limited = AbortSignal.any([signal, AbortSignal.timeout(actTimeoutMs)]);
  switch (what.kind) {
    case 'create':
      return created(acting, what.object, what.as, await objects.create(what.object, what.as, limited));
    case 'patch':
      return written(await objects.patch(what.place, what.patch, limited));
    case 'remove':
      return removed(ports, acting, what.place, await objects.remove(what.place, what.uid, limited));
    case 'record': {
      const kept = await history.keep(what.records);
      if (kept.ok) return done;
      log.warn({ reason: kept.failure.message }, 'records of a workflow not kept');
      return { kind: 'not-kept' };
    }
    case 'status':
      return written(await objects.writeStatus(acting.object, acting.place.kind, asWritten(what.status), limited));
    case 'mirror':
      return written(await objects.writeStatus(what.object, kinds.action, what.status, limited));
    case 'tell':
      tell(ports.events, acting.object, what);
      return done;
  }
}

function created(
  { object: { apiVersion, kind, metadata } }: Acting,
  wanted: NewObject,
  as: ObjectPlace['kind'],
  answer: Result<Created>,
): Done {
  if (!answer.ok) return again(answer.failure);
  const place = { kind: as, name: wanted.metadata.name, ...defined('namespace', wanted.metadata.namespace) };
  if (answer.value.kind === 'created') return done;
  if (answer.value.kind === 'refused') {
    const { status, message } = answer.value;
    return { kind: 'setback', setback: { kind: 'refused', place, status, message } };
  }
  const owner = answer.value.object.metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (owner?.uid === metadata.uid) return done;
  // Created anew under its old name: what belonged to the old one is about to go.
  const isRemains = owner?.apiVersion === apiVersion && owner.kind === kind && owner.name === metadata.name;
  if (isRemains)
    return { kind: 'retry', why: `waits until ${as.kind} ${wanted.metadata.name} of its predecessor is gone` };
  return { kind: 'setback', setback: { kind: 'taken', place, owner: nameOf(owner) } };
}

function nameOf(
  owner: { readonly kind: string; readonly name: string; readonly apiVersion: string } | undefined,
): string {
  return owner === undefined ? 'nobody we know of' : `${owner.kind} ${owner.name} (${owner.apiVersion})`;
}

function written(answer: Result<Written>): Done {
  if (!answer.ok) return again(answer.failure);
  switch (answer.value.kind) {
    case 'written':
      return done;
    case 'superseded':
      return { kind: 'superseded' };
    case 'refused':
      return { kind: 'retry', why: `the API server refused it (${answer.value.status}): ${answer.value.message}` };
  }
}

function removed(ports: ActPorts, { object }: Acting, place: ObjectPlace, answer: Result<'removed' | 'gone'>): Done {
  if (answer.ok) return done;
  const message = `${place.kind.kind} ${place.name} is not removed yet: ${answer.failure.message}`;
  tell(ports.events, object, { type: 'Warning', reason: 'CleanupFailed', message });
  return again(answer.failure);
}

function again({ message }: Failure): Done {
  return { kind: 'retry', why: message };
}

function tell(
  events: Events,
  { apiVersion, kind, metadata: { name, namespace, uid } }: KubeObject,
  { type, reason, message }: Pick<Extract<Act, { kind: 'tell' }>, 'type' | 'reason' | 'message'>,
): void {
  const about = { apiVersion, kind, name, uid, ...defined('namespace', namespace) };
  events.tell({ about, type, reason, message, key: message });
}

/** The phase of what has not begun is no word. */
function asWritten({ phase, ...rest }: WorkflowStatus): object {
  return phase === '' ? rest : { phase, ...rest };
}
