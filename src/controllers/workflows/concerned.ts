/** Who has to look again after an object has changed: found by controller references, from the object up to a run. */
import type { KubeObject, OwnerReference } from '../../kernel/kube-object.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import { kinds, workflowKinds } from '../../workflow/kinds.ts';
import { names } from '../../workflow/model.ts';
import type { Key } from '../runtime/reconciler.ts';

export interface Concerned {
  readonly workflows: readonly Key[];
  readonly actions: readonly Key[];
}

const nobody: Concerned = { workflows: [], actions: [] };
const between = [kinds.job, kinds.taskRun, kinds.pipelineRun];

export function concerned(object: KubeObject, objects: Pick<ClusterObjects, 'get' | 'list'>): Concerned {
  if (is(object, kinds.configMap)) return everybody.has(object.metadata.name) ? unfinished(objects) : nobody;
  const keys = [keyOf(object.metadata.namespace, object.metadata.name)];
  if (workflowKinds.some((kind) => is(object, kind))) return { workflows: keys, actions: [] };
  if (!is(object, kinds.action)) return above(object, objects);
  return { workflows: above(object, objects).workflows, actions: keys };
}

/** ConfigMaps that say how all are to be run. */
const everybody: ReadonlySet<string> = new Set([names.settings, names.registry]);

/** From a Pod by its TaskRun and PipelineRun; references that somebody has made go round in circles. */
const mostSteps = 2;

/** What a Pod has to say, its ActionExecution says of itself when it has looked: one step up is enough for a workflow. */
function above(object: KubeObject, objects: Pick<ClusterObjects, 'get'>, steps = mostSteps): Concerned {
  const { namespace, ownerReferences = [] } = object.metadata;
  const owner = ownerReferences.find(({ controller }) => controller === true);
  if (owner === undefined) return nobody;
  const keys = [keyOf(namespace, owner.name)];
  if (workflowKinds.some((kind) => is(owner, kind))) return { workflows: keys, actions: [] };
  if (is(owner, kinds.action)) return { workflows: [], actions: keys };
  const next = ownerObject(namespace, owner, objects);
  return next === undefined || steps === 0 ? nobody : above(next, objects, steps - 1);
}

function ownerObject(
  namespace: string | undefined,
  owner: OwnerReference,
  objects: Pick<ClusterObjects, 'get'>,
): KubeObject | undefined {
  const kind = between.find((one) => is(owner, one));
  if (kind === undefined || namespace === undefined) return undefined;
  const found = objects.get({ kind, namespace, name: owner.name });
  return found?.metadata.uid === owner.uid ? found : undefined;
}

function unfinished(objects: Pick<ClusterObjects, 'list'>): Concerned {
  const open = (object: KubeObject): boolean => {
    const phase = asRecord(object['status'])?.['phase'];
    return phase !== 'Completed' && phase !== 'Failed' && phase !== 'Cancelled';
  };
  const keysOf = (found: readonly KubeObject[]): readonly Key[] =>
    found.filter(open).map(({ metadata }) => keyOf(metadata.namespace, metadata.name));
  return {
    workflows: keysOf(workflowKinds.flatMap((kind) => objects.list(kind))),
    actions: keysOf(objects.list(kinds.action)),
  };
}

function is(
  one: Pick<KubeObject, 'apiVersion' | 'kind'>,
  kind: { readonly apiVersion: string; readonly kind: string },
): boolean {
  return one.kind === kind.kind && one.apiVersion === kind.apiVersion;
}

function keyOf(namespace: string | undefined, name: string): Key {
  return { namespace: namespace ?? '', name };
}
