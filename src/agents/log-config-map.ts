/** The ConfigMap that keeps the end of what a stopped Task has printed: its Pod, and with it the log, goes. Pure. */
import type { NewObject } from '../kernel/kube-object.ts';
import { agentKinds } from './kinds.ts';
import { names, type TaskNames, type Work } from './model.ts';
import { taskAnnotations, taskLabels } from './task-labels.ts';

export function logConfigMap(task: Work['task'], taskNames: TaskNames, log: string): NewObject {
  const { apiVersion, kind } = agentKinds.configMap;
  const { namespace, log: name, owner } = taskNames;
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      namespace,
      labels: {
        app: 'kubeopencode',
        ...taskLabels({ task, agent: { namespace } }),
        [names.taskNamespaceLabel]: task.namespace,
      },
      annotations: taskAnnotations(task),
      ...(owner !== undefined && { ownerReferences: [owner] }),
    },
    data: { [names.logKey]: log },
  };
}
