/** Which Pods and ConfigMaps are a Task's own: by the UID on them, whatever their names are. Pure. */
import type { KubeObject } from '../kernel/kube-object.ts';
import { labelValue } from '../workflow/label-value.ts';
import { names, type Task } from './model.ts';

type Identity = Pick<Task, 'namespace' | 'name' | 'uid' | 'createdAt'>;

/**
 * Ours, of a Task that had the same names before, or of somebody else. Without a UID on it, it was made by the controller
 * before us if its labels name the Task, and it is not older than the Task.
 */
export function ownerOf({ metadata }: KubeObject, task: Identity): 'task' | 'predecessor' | 'other' {
  const { annotations = {}, labels = {}, namespace, creationTimestamp = '' } = metadata;
  const uid = annotations[names.taskUidAnnotation];
  if (uid === task.uid) return 'task';
  if (uid !== undefined) {
    return annotations[names.taskAnnotation] === `${task.namespace}/${task.name}` ? 'predecessor' : 'other';
  }
  const from = labels[names.taskNamespaceLabel] ?? namespace;
  const isNamed = labels[names.taskLabel] === labelValue(task.name) && from === task.namespace;
  return isNamed && Date.parse(creationTimestamp) >= Date.parse(task.createdAt) ? 'task' : 'other';
}

/** By what its makers have written on it; whether it is really that Task's is asked when the Task is looked at. */
export function taskNamedBy({
  metadata,
}: KubeObject): { readonly namespace: string; readonly name: string } | undefined {
  const { annotations = {}, labels = {}, namespace = '' } = metadata;
  const [taskNamespace, taskName, ...rest] = (annotations[names.taskAnnotation] ?? '').split('/');
  if (taskNamespace !== undefined && taskName !== undefined && rest.length === 0) {
    return { namespace: taskNamespace, name: taskName };
  }
  const name = labels[names.taskLabel];
  return name === undefined ? undefined : { namespace: labels[names.taskNamespaceLabel] ?? namespace, name };
}
