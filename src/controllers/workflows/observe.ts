/** What is known of a workflow beside itself: its namesake in the other group, and who acts on the same target. */
import type { KubeObject } from '../../kernel/kube-object.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import { workflowKinds } from '../../workflow/kinds.ts';
import type { WorkflowStatus } from '../../workflow/model.ts';
import { parseWorkflowStatus } from '../../workflow/parse-status.ts';

/** Its API version. One that was refused before it began has made nothing, and is in nobody's way. */
export function olderTwin(objects: ClusterObjects, object: KubeObject): string | undefined {
  const { namespace = '', name } = object.metadata;
  const others = workflowKinds.filter(({ apiVersion }) => apiVersion !== object.apiVersion);
  const twins = others.flatMap((kind) => objects.get({ kind, namespace, name }) ?? []);
  return twins.find((twin) => hasPart(parseWorkflowStatus(twin)) && isOlder(twin, object))?.apiVersion;
}

function hasPart({ phase, engine }: WorkflowStatus): boolean {
  return phase !== 'Failed' || engine !== undefined;
}

/** What has begun is older than what has not: clocks of API servers have seconds. */
function isOlder(one: KubeObject, other: KubeObject): boolean {
  const rank = (object: KubeObject): string => {
    const hasBegun = parseWorkflowStatus(object).engine !== undefined;
    return [hasBegun ? '0' : '1', object.metadata.creationTimestamp ?? '', object.metadata.uid].join(' ');
  };
  return rank(one) < rank(other);
}

/**
 * namespace/name of the workflow that acts on the target now. One process leads, and sees what it writes, so that
 * `beginning`, the workflows whose beginning it is writing (UID by target), is all that is missing in the cluster.
 */
export function targetHolder(
  objects: ClusterObjects,
  object: KubeObject,
  beginning: ReadonlyMap<string, string>,
): string | undefined {
  const target = targetOf(object);
  if (target === undefined) return undefined;
  const { uid } = object.metadata;
  const rivals = workflowKinds
    .flatMap((kind) => objects.list(kind))
    .filter((rival) => rival.metadata.uid !== uid && targetOf(rival) === target);
  const holder = rivals.find(
    (rival) => isUnderWay(parseWorkflowStatus(rival)) || beginning.get(target) === rival.metadata.uid,
  );
  return holder === undefined ? undefined : `${holder.metadata.namespace ?? ''}/${holder.metadata.name}`;
}

export function targetOf(object: KubeObject): string | undefined {
  const target = asRecord(object['spec'])?.['targetResource'];
  return typeof target === 'string' && target !== '' ? target : undefined;
}

function isUnderWay({ phase }: WorkflowStatus): boolean {
  return phase === 'Initializing' || phase === 'Executing';
}
