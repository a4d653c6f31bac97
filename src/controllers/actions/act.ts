/** Does what was decided about an action, one act after the other. What cannot be done ends the round; nothing is undone. */
import type { KubeObject } from '../../kernel/kube-object.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import { kinds } from '../../workflow/kinds.ts';
import type { ActionStatus } from '../../workflow/model.ts';
import { created, done, removed, written, type ActWritten, type Setback } from '../runtime/answers.ts';
import { limited } from '../runtime/limited.ts';
import type { ActionAct } from './decision.ts';

export type Done =
  | ActWritten
  /** Our Job is there: what comes of it is decided at once. */
  | { readonly kind: 'created'; readonly job: KubeObject }
  | { readonly kind: 'setback'; readonly setback: Setback };

const actTimeoutMs = 15_000;

export async function act(
  objects: ClusterObjects,
  action: KubeObject,
  what: ActionAct,
  outer: AbortSignal,
): Promise<Done> {
  const signal = limited(outer, actTimeoutMs);
  switch (what.kind) {
    case 'create': {
      const answer = await objects.create(what.object, kinds.job, signal);
      const outcome = created(action, what.object, kinds.job, answer);
      return outcome.kind === 'ours' ? { kind: 'created', job: outcome.object } : outcome;
    }
    case 'remove':
      return removed(await objects.remove(what.place, what.uid, signal));
    case 'patch': {
      const answer = written(await objects.patch(what.place, what.patch, signal));
      // It is gone, or another: then there is nothing to be tidied.
      return answer.kind === 'superseded' ? done : answer;
    }
    case 'status':
      return written(await objects.writeStatus(action, kinds.action, asWritten(what.status), signal));
  }
}

/** The phase of what has not begun is no word. */
function asWritten({ phase, ...rest }: ActionStatus): object {
  return phase === '' ? rest : { phase, ...rest };
}
