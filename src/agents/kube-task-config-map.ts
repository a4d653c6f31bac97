/** The ConfigMap with the files of a Task of KubeTask; its keys are mounted one by one. Pure. */
import { defined } from '../kernel/defined.ts';
import type { NewObject } from '../kernel/kube-object.ts';
import { contextData } from './context-config-map.ts';
import { agentKinds } from './kinds.ts';
import { kubeTaskConfigMapName, kubeTaskMetadata, type TaskIdentity } from './kube-task-names.ts';
import type { Workspace } from './model.ts';

/** Undefined: there are no files. */
export function kubeTaskConfigMap(task: TaskIdentity, workspace: Workspace): NewObject | undefined {
  if (workspace.files.length === 0) return undefined;
  const { apiVersion, kind } = agentKinds.configMap;
  const { data, binaryData } = contextData(workspace);
  return {
    apiVersion,
    kind,
    metadata: kubeTaskMetadata(task, kubeTaskConfigMapName(task)),
    ...defined('data', unlessEmpty(data)),
    ...defined('binaryData', unlessEmpty(binaryData)),
  };
}

function unlessEmpty(data: Readonly<Record<string, string>>): Readonly<Record<string, string>> | undefined {
  return Object.keys(data).length === 0 ? undefined : data;
}
