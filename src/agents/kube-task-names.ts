/** Names of what is made for a Task of KubeTask, and what all of it carries. Pure. */
import type { ObjectMetadata, OwnerReference } from '../kernel/kube-object.ts';
import { childName } from '../workflow/child-name.ts';
import { controllerReference } from '../workflow/controller-reference.ts';
import { labelValue } from '../workflow/label-value.ts';
import { agentKinds } from './kinds.ts';
import { names, type KubeTask } from './model.ts';

export type TaskIdentity = Pick<KubeTask, 'namespace' | 'name' | 'uid'>;

/** RFC 1123 subdomain. */
const maxConfigMapName = 253;

/** At most 63: it becomes a label of its Pods. */
export function kubeTaskJobName({ name }: Pick<KubeTask, 'name'>): string {
  return childName(name, 'job');
}

export function kubeTaskConfigMapName({ name }: Pick<KubeTask, 'name'>): string {
  return childName(name, 'context', maxConfigMapName);
}

export function kubeTaskLabels({ name }: Pick<KubeTask, 'name'>): Readonly<Record<string, string>> {
  return { app: 'kubetask', [names.kubeTaskLabel]: labelValue(name) };
}

export function kubeTaskAnnotations({ namespace, name, uid }: TaskIdentity): Readonly<Record<string, string>> {
  return { [names.taskUidAnnotation]: uid, [names.taskAnnotation]: `${namespace}/${name}` };
}

export function kubeTaskMetadata(task: TaskIdentity, name: string): ObjectMetadata {
  return {
    name,
    namespace: task.namespace,
    labels: kubeTaskLabels(task),
    annotations: kubeTaskAnnotations(task),
    ownerReferences: [kubeTaskOwner(task)],
  };
}

function kubeTaskOwner({ name, uid }: TaskIdentity): OwnerReference {
  const { apiVersion, kind } = agentKinds.kubeTask;
  return controllerReference({ apiVersion, kind, name, uid });
}
