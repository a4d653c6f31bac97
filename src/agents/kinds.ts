/** What KubeOpenCode and KubeTask are made of, as the API server names it. */
import type { Kind } from '../kernel/kube-object.ts';

export const openCodeGroup = 'kubeopencode.io/v1alpha1';
export const kubeTaskGroup = 'kubetask.io/v1alpha1';

export const agentKinds = {
  task: { apiVersion: openCodeGroup, kind: 'Task', plural: 'tasks' },
  agent: { apiVersion: openCodeGroup, kind: 'Agent', plural: 'agents' },
  template: { apiVersion: openCodeGroup, kind: 'TaskTemplate', plural: 'tasktemplates' },
  config: { apiVersion: openCodeGroup, kind: 'KubeOpenCodeConfig', plural: 'kubeopencodeconfigs' },
  kubeTask: { apiVersion: kubeTaskGroup, kind: 'Task', plural: 'tasks' },
  kubeTaskAgent: { apiVersion: kubeTaskGroup, kind: 'Agent', plural: 'agents' },
  pod: { apiVersion: 'v1', kind: 'Pod', plural: 'pods' },
  job: { apiVersion: 'batch/v1', kind: 'Job', plural: 'jobs' },
  configMap: { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps' },
  service: { apiVersion: 'v1', kind: 'Service', plural: 'services' },
  deployment: { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments' },
} as const satisfies Record<string, Kind>;
