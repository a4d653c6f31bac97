/** Does what was decided about an action, one act after the other. What cannot be done ends the round; nothing is undone. */
import { defined } from '../../kernel/defined.ts';
import type { KubeObject, NewObject } from '../../kernel/kube-object.ts';
import type { Result } from '../../kernel/result.ts';
import type { ClusterObjects, Created, Written } from '../../ports/cluster-objects.ts';
import { kinds } from '../../workflow/kinds.ts';
import type { ActionStatus } from '../../workflow/model.ts';
import type { Setback } from '../workflows/decision.ts';
import type { ActionAct } from './decision.ts';

export type Done =
  | { readonly kind: 'done' }
  /** Our Job is there: what comes of it is decided at once. */
  | { readonly kind: 'created'; readonly job: KubeObject }
  | { readonly kind: 'setback'; readonly setback: Setback }
  /** Somebody was faster: what there is now comes with the watch. */
  | { readonly kind: 'superseded' }
  | { readonly kind: 'retry'; readonly why: string };

const done: Done = { kind: 'done' };
const actTimeoutMs = 15_000;

export async function act(
  objects: ClusterObjects,
  action: KubeObject,
  what: ActionAct,
  signal: AbortSignal,
): Promise<Done> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(actTimeoutMs)]);
  switch (what.kind) {
    case 'create':
      return created(action, what.object, await objects.create(what.object, kinds.job, limited));
    case 'remove': {
      const answer = await objects.remove(what.place, what.uid, limited);
      return answer.ok ? done : { kind: 'retry', why: answer.failure.message };
    }
    case 'patch': {
      const answer = written(await objects.patch(what.place, what.patch, limited));
      // It is gone, or another: then there is nothing to be tidied.
      return answer.kind === 'superseded' ? done : answer;
    }
    case 'status':
      return written(await objects.writeStatus(action, kinds.action, asWritten(what.status), limited));
  }
}

function created({ apiVersion, kind, metadata }: KubeObject, wanted: NewObject, answer: Result<Created>): Done {
  if (!answer.ok) return { kind: 'retry', why: answer.failure.message };
  const { name, namespace } = wanted.metadata;
  const place = { kind: kinds.job, name, ...defined('namespace', namespace) };
  if (answer.value.kind === 'refused') {
    const { status, message } = answer.value;
    return { kind: 'setback', setback: { kind: 'refused', place, status, message } };
  }
  const job = answer.value.object;
  const owner = job.metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (answer.value.kind === 'created' || owner?.uid === metadata.uid) return { kind: 'created', job };
  // Created anew under its old name: what belonged to the old one is about to go.
  if (owner?.apiVersion === apiVersion && owner.kind === kind && owner.name === metadata.name) {
    return { kind: 'retry', why: `waits until Job ${name} of its predecessor is gone` };
  }
  const named = owner === undefined ? 'nobody we know of' : `${owner.kind} ${owner.name} (${owner.apiVersion})`;
  return { kind: 'setback', setback: { kind: 'taken', place, owner: named } };
}

function written(answer: Result<Written>): Done {
  if (!answer.ok) return { kind: 'retry', why: answer.failure.message };
  switch (answer.value.kind) {
    case 'written':
      return done;
    case 'superseded':
      return { kind: 'superseded' };
    case 'refused':
      return { kind: 'retry', why: `the API server refused it (${answer.value.status}): ${answer.value.message}` };
  }
}

/** The phase of what has not begun is no word. */
function asWritten({ phase, ...rest }: ActionStatus): object {
  return phase === '' ? rest : { phase, ...rest };
}
