/** Which namespaces have to be looked through for Tasks that are to go. */
import { finishedTask } from '../../agents/cleanup.ts';
import { agentKinds } from '../../agents/kinds.ts';
import { names } from '../../agents/model.ts';
import type { KubeObject } from '../../kernel/kube-object.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import type { Key } from '../runtime/reconciler.ts';

/** When this process begins to lead. */
export function namespacesToClean(objects: Pick<ClusterObjects, 'list'>): readonly Key[] {
  const finished = objects.list(agentKinds.task).filter((task) => finishedTask(task) !== undefined);
  return [...new Set(finished.map(({ metadata }) => metadata.namespace ?? ''))].map(keyOf);
}

/** After an object was added, changed or removed: one that is gone leaves none behind that is surplus, unless it is a config. */
export function cleanupConcerned(
  object: KubeObject,
  change: 'present' | 'gone',
  objects: Pick<ClusterObjects, 'list'>,
): readonly Key[] {
  const { namespace = '', name } = object.metadata;
  if (is(object, agentKinds.task)) {
    return change === 'present' && finishedTask(object) !== undefined ? [keyOf(namespace)] : [];
  }
  if (!is(object, agentKinds.config) || name !== names.defaultConfig) return [];
  return namespace === names.configNamespace ? namespacesToClean(objects) : [keyOf(namespace)];
}

function is(object: KubeObject, kind: { readonly apiVersion: string; readonly kind: string }): boolean {
  return object.kind === kind.kind && object.apiVersion === kind.apiVersion;
}

function keyOf(namespace: string): Key {
  return { namespace, name: '' };
}
