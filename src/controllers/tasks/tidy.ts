/** What becomes of what was made for a Task that ends otherwise than by its Pod. Pure. */
import { names, type TaskStatus } from '../../agents/model.ts';
import { isMadeByUs } from '../../agents/task-conditions.ts';
import type { Act, Decision, Next, Observed, TaskFacts } from './decision.ts';
import { namesInUse } from './names-in-use.ts';

/**
 * It is over. As long as its Pod is there and has not ended by itself, there is something to be tidied: so the Pod goes
 * last, and wherever this is broken off, whoever looks next sees it.
 */
export function end(observed: Observed, status: TaskStatus, before: readonly Act[] = []): Decision {
  const { pod } = observed;
  const over: Act = { kind: 'status', status };
  const isGone = pod === undefined || pod.goneBy !== undefined;
  const acts = isGone ? [...before, ...configMapRemoved(observed), over] : [...before, over, ...tidied(observed)];
  return { kind: 'decided', acts };
}

/** Of a Task that is over. What ended by itself stays: its log is read until the Task goes. */
export function tidied(observed: Observed): readonly Act[] {
  const { pod } = observed;
  if (pod === undefined || pod.ended !== undefined || pod.goneBy !== undefined) return [];
  return [...configMapRemoved(observed), { kind: 'remove-pod', pod }];
}

function configMapRemoved({ task, status }: Observed): readonly Act[] {
  const known = namesInUse(task, status);
  if (known === undefined) return [];
  return [{ kind: 'remove-config-maps', namespace: known.namespace, names: [known.configMap] }];
}

/** The Task goes, and everything with it; elsewhere nobody else would see to that. */
export function erase(observed: Observed): Next {
  const { task, status, pod } = observed;
  if (!task.finalizers.includes(names.finalizer)) return { kind: 'decided', acts: [] };
  const known = namesInUse(task, status);
  if (known !== undefined && pod === undefined && !observed.hasLooked && !isCollected(task, observed)) {
    return { kind: 'look-for-pod', place: { namespace: known.namespace, name: known.pod } };
  }
  const acts: Act[] = [];
  if (pod !== undefined && pod.goneBy === undefined) acts.push({ kind: 'remove-pod', pod });
  if (known !== undefined && !isCollected(task, observed)) {
    acts.push({ kind: 'remove-config-maps', namespace: known.namespace, names: [known.configMap, known.log] });
  }
  return { kind: 'decided', acts: [...acts, { kind: 'unmark', patch: withoutFinalizer(task, observed) }] };
}

/** Made by us in the Task's namespace: the cluster removes it after its owner. */
function isCollected({ namespace }: TaskFacts, { status }: Observed): boolean {
  return isMadeByUs(status) && (status.podNamespace ?? namespace) === namespace;
}

function withoutFinalizer({ finalizers }: TaskFacts, { resourceVersion }: Pick<Observed, 'resourceVersion'>): object {
  return { metadata: { resourceVersion, finalizers: finalizers.filter((one) => one !== names.finalizer) } };
}
