/** Tasks, Agents and their Pods as the API server has them, for whoever shows them. */
import { agentKinds, kubeTaskGroup, openCodeGroup } from '../../src/agents/kinds.ts';
import { names } from '../../src/agents/model.ts';
import type { KubeObject, NewObject } from '../../src/kernel/kube-object.ts';
import type { FakeCluster } from './fake-cluster.ts';

interface Other {
  readonly namespace?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: object;
  readonly status?: object;
}

function object(
  apiVersion: string,
  kind: string,
  name: string,
  { namespace = 'shop', spec, status, ...metadata }: Other,
) {
  return { apiVersion, kind, metadata: { name, namespace, ...metadata }, spec, ...(status && { status }) };
}

export function openCodeTask(name: string, other: Other = {}): NewObject {
  return object(openCodeGroup, 'Task', name, { spec: { description: 'Update the service.' }, ...other });
}

export function kubeTask(name: string, other: Other = {}): NewObject {
  const inline = { type: 'File', file: { filePath: '/workspace/task.md', source: { inline: 'Update.' } } };
  return object(kubeTaskGroup, 'Task', name, { spec: { contexts: [inline] }, ...other });
}

export function openCodeAgent(name: string, { spec, ...other }: Other = {}): NewObject {
  return object(openCodeGroup, 'Agent', name, { ...other, spec: { serviceAccountName: 'worker', ...spec } });
}

export function kubeTaskAgent(name: string, { spec, ...other }: Other = {}): NewObject {
  return object(kubeTaskGroup, 'Agent', name, { ...other, spec: { serviceAccountName: 'worker', ...spec } });
}

export function condition(type: string, status: string, reason: string, message: string): object {
  return { type, status, reason, message, lastTransitionTime: '2026-01-02T03:04:05Z' };
}

export const running = { phase: 'Running', startTime: '2026-01-02T03:04:05Z' };

interface PodOther {
  readonly namespace?: string;
  readonly name?: string;
  /** Of the agent's container. */
  readonly state?: object;
  readonly init?: Readonly<Record<string, object>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Of a Task that is there already. */
export function putPod(
  cluster: FakeCluster,
  task: KubeObject,
  {
    namespace = 'shop',
    name = `${task.metadata.name}-pod`,
    state = { running: {} },
    init = {},
    ...other
  }: PodOther = {},
): KubeObject {
  const annotations = other.annotations ?? { [names.taskUidAnnotation]: task.metadata.uid };
  const isOpenCode = task.apiVersion === openCodeGroup;
  const labels = isOpenCode
    ? { [names.taskLabel]: task.metadata.name }
    : { [names.kubeTaskLabel]: task.metadata.name, 'job-name': `${task.metadata.name}-job` };
  return cluster.put({
    ...object('v1', 'Pod', name, { namespace, annotations, labels, spec: {} }),
    status: {
      phase: 'Running',
      containerStatuses: [{ name: names.agentContainer, state }],
      initContainerStatuses: Object.entries(init).map(([of, its]) => ({ name: of, state: its })),
    },
  });
}

export function putKeptLog(cluster: FakeCluster, task: KubeObject, text: string, namespace = 'shop'): void {
  const annotations = { [names.taskUidAnnotation]: task.metadata.uid };
  const labels = { [names.taskLabel]: task.metadata.name };
  cluster.put({
    ...object('v1', agentKinds.configMap.kind, `${task.metadata.name}-log`, { namespace, annotations, labels }),
    data: { [names.logKey]: text },
  });
}
