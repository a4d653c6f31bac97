/** The ConfigMap from which context-init fills the workspace of a Task. Pure. */
import type { NewObject } from '../kernel/kube-object.ts';
import { contextData } from './context-config-map.ts';
import { agentKinds } from './kinds.ts';
import { names, type TaskNames, type Work, type Workspace } from './model.ts';
import { taskAnnotations, taskLabels } from './task-labels.ts';

/** Undefined: there is nothing to be put anywhere. */
export function taskConfigMap(work: Work, workspace: Workspace, taskNames: TaskNames): NewObject | undefined {
  if (workspace.files.length === 0) return undefined;
  const { apiVersion, kind } = agentKinds.configMap;
  const { data, binaryData } = contextData(workspace);
  return {
    apiVersion,
    kind,
    metadata: {
      name: taskNames.configMap,
      namespace: taskNames.namespace,
      labels: { app: 'kubeopencode', ...taskLabels(work), [names.taskNamespaceLabel]: work.task.namespace },
      annotations: taskAnnotations(work.task),
      ...(taskNames.owner !== undefined && { ownerReferences: [taskNames.owner] }),
    },
    data,
    ...(Object.keys(binaryData).length > 0 && { binaryData }),
  };
}
