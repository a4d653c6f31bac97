/** Which Task of KubeTask has to be looked at again after an object has changed: a guess costs a look, and no more. */
import { agentKinds } from '../../agents/kinds.ts';
import { names } from '../../agents/model.ts';
import type { KubeObject } from '../../kernel/kube-object.ts';
import type { Key } from '../runtime/reconciler.ts';

export function kubeTaskConcerned(object: KubeObject): readonly Key[] {
  const { namespace = '', name, labels = {}, annotations = {} } = object.metadata;
  if (is(object, agentKinds.kubeTask)) return [{ namespace, name }];
  if (!is(object, agentKinds.job) && !is(object, agentKinds.pod)) return [];
  const label = labels[names.kubeTaskLabel];
  if (label === undefined) return [];
  // A label has no room for long names; on what KubeTask's own controller made there is only the label.
  const inFull = annotations[names.taskAnnotation]?.split('/')[1];
  return [{ namespace, name: inFull ?? label }];
}

function is(object: KubeObject, kind: { readonly apiVersion: string; readonly kind: string }): boolean {
  return object.kind === kind.kind && object.apiVersion === kind.apiVersion;
}
