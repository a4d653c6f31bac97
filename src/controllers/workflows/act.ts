/** Does what was decided, one act after the other. What cannot be done ends the round; nothing is undone. */
import type { KubeObject, ObjectPlace } from '../../kernel/kube-object.ts';
import type { ActionOutbox } from '../../ports/action-history.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import type { Events } from '../../ports/events.ts';
import type { Logger } from '../../ports/logger.ts';
import { kinds } from '../../workflow/kinds.ts';
import type { WorkflowStatus } from '../../workflow/model.ts';
import { created, done, removed, written, type ActWritten, type Setback } from '../runtime/answers.ts';
import { limited } from '../runtime/limited.ts';
import { tell } from '../runtime/tell.ts';
import type { Act } from './decision.ts';

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
  | ActWritten
  /** Records are best effort; what is missing at the end is handed over again then. */
  | { readonly kind: 'not-kept' }
  | { readonly kind: 'setback'; readonly setback: Setback };

const actTimeoutMs = 15_000;

/** Everything but `tell`, which is said when all else is done. */
export async function act(ports: ActPorts, acting: Acting, what: Act, outer: AbortSignal): Promise<Done> {
  const { objects, history, log } = ports;
  const signal = limited(outer, actTimeoutMs);
  switch (what.kind) {
    case 'create': {
      const answer = await objects.create(what.object, what.as, signal);
      const outcome = created(acting.object, what.object, what.as, answer);
      return outcome.kind === 'ours' ? done : outcome;
    }
    case 'patch':
      return written(await objects.patch(what.place, what.patch, signal));
    case 'remove':
      return remove(ports, acting, what, signal);
    case 'record': {
      const kept = await history.keep(what.records);
      if (kept.ok) return done;
      log.warn({ reason: kept.failure.message }, 'records of a workflow not kept');
      return { kind: 'not-kept' };
    }
    case 'status':
      return written(await objects.writeStatus(acting.object, acting.place.kind, asWritten(what.status), signal));
    case 'mirror':
      return written(await objects.writeStatus(what.object, kinds.action, what.status, signal));
    case 'tell':
      tell(ports.events, acting.object, what);
      return done;
  }
}

async function remove(
  { objects, events }: ActPorts,
  { object }: Acting,
  { place, uid }: Extract<Act, { readonly kind: 'remove' }>,
  signal: AbortSignal,
): Promise<Done> {
  const outcome = removed(await objects.remove(place, uid, signal));
  if (outcome.kind === 'done') return done;
  const message = `${place.kind.kind} ${place.name} is not removed yet: ${outcome.why}`;
  tell(events, object, { type: 'Warning', reason: 'CleanupFailed', message });
  return outcome;
}

/** The phase of what has not begun is no word. */
function asWritten({ phase, ...rest }: WorkflowStatus): object {
  return phase === '' ? rest : { phase, ...rest };
}
