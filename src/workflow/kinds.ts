/** Kinds that runs are made of. */
import type { Kind } from '../kernel/kube-object.ts';

export const workflowKinds: readonly Kind[] = [
  { apiVersion: 'workflowexecution.kubernaut.ai/v1alpha1', kind: 'WorkflowExecution', plural: 'workflowexecutions' },
  { apiVersion: 'kubernaut.ai/v1alpha1', kind: 'WorkflowExecution', plural: 'workflowexecutions' },
];

export const kinds = {
  action: { apiVersion: 'execution.kubernaut.ai/v1alpha1', kind: 'ActionExecution', plural: 'actionexecutions' },
  job: { apiVersion: 'batch/v1', kind: 'Job', plural: 'jobs' },
  pod: { apiVersion: 'v1', kind: 'Pod', plural: 'pods' },
  claim: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', plural: 'persistentvolumeclaims' },
  configMap: { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps' },
  lease: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', plural: 'leases' },
  task: { apiVersion: 'tekton.dev/v1', kind: 'Task', plural: 'tasks' },
  pipelineRun: { apiVersion: 'tekton.dev/v1', kind: 'PipelineRun', plural: 'pipelineruns' },
  taskRun: { apiVersion: 'tekton.dev/v1', kind: 'TaskRun', plural: 'taskruns' },
} as const satisfies Readonly<Record<string, Kind>>;
