/** Tasks and Agents of KubeOpenCode and KubeTask: what is watched for them, and who looks at what has changed. */
import { agentKinds } from '../../agents/kinds.ts';
import { names } from '../../agents/model.ts';
import { agentTasks, watchedTaskObjects } from '../../adapters/kubernetes/agent-tasks.ts';
import { clusterObjects } from '../../adapters/kubernetes/cluster-objects.ts';
import type { Watched } from '../../adapters/kubernetes/watched-kind.ts';
import { agentsConcerned, allAgents } from '../../controllers/agents/concerned.ts';
import { createAgentReconciler } from '../../controllers/agents/reconciler.ts';
import { kubeTaskConcerned } from '../../controllers/kube-tasks/concerned.ts';
import { createKubeTaskReconciler } from '../../controllers/kube-tasks/reconciler.ts';
import type { Key, Reconciler } from '../../controllers/runtime/reconciler.ts';
import { startReconciler, type RunningReconciler } from '../../controllers/runtime/start-reconciler.ts';
import { whenReady } from '../../controllers/runtime/when-ready.ts';
import { cleanupConcerned, namespacesToClean } from '../../controllers/task-cleanup/concerned.ts';
import { createCleanupReconciler } from '../../controllers/task-cleanup/reconciler.ts';
import { createTaskReconciler } from '../../controllers/tasks/reconciler.ts';
import type { Kind } from '../../kernel/kube-object.ts';
import type { AgentTasks } from '../../ports/agent-tasks.ts';
import type { Events } from '../../ports/events.ts';
import type { Leadership } from '../../ports/leadership.ts';
import { parseSettings } from '../../workflow/settings.ts';
import type { Foundation } from './foundation.ts';

export interface TaskPorts {
  readonly leadership: Leadership;
  readonly events: Events;
}

/** A round mostly waits for the API server; how often that is asked is limited elsewhere. */
const workers = 16;

/** What is made for Tasks and Agents is labelled, so that nothing else of the cluster comes into memory. */
const watches: readonly Watched[] = [
  ...(['task', 'agent', 'template', 'config', 'kubeTask', 'kubeTaskAgent'] as const).map((name) => ({
    kind: agentKinds[name],
  })),
  { kind: agentKinds.pod, label: names.taskLabel },
  { kind: agentKinds.pod, label: names.kubeTaskLabel },
  { kind: agentKinds.job, label: names.kubeTaskLabel },
  { kind: agentKinds.deployment, label: names.agentLabel },
  { kind: agentKinds.service, label: names.agentLabel },
];

export interface RunningTasks {
  /** Sentences for readiness: requests are answered all the same. */
  warnings(): readonly string[];
  /** For the console. */
  readonly shown: AgentTasks;
}

export function startTasks(base: Foundation, ports: TaskPorts): RunningTasks | undefined {
  const { config, kubeConfig, clock, log, metrics, onClose } = base;
  if (kubeConfig === undefined || config.tasks === undefined) return undefined;
  const { kubernetesQps: qps, kubernetesBurst: burst } = parseSettings({}, process.env).settings;
  const objects = clusterObjects({ kubeConfig, watches, log, rate: () => ({ qps, burst }) });
  const leadership = whenReady(ports.leadership, () => objects.isReady());
  const { systemImage } = config.tasks;
  const common = { objects, events: ports.events, clock, log, systemImage, metrics: metrics.tasks };
  const start = (reconciler: Reconciler, everything: () => readonly Key[]): RunningReconciler =>
    startReconciler({ workers, leadership, log, metrics: metrics.workflows.reconciling, reconciler, everything });
  const keysOf = (kind: Kind): readonly Key[] =>
    objects.list(kind).map(({ metadata }) => ({ namespace: metadata.namespace ?? '', name: metadata.name }));
  const ofTasks = createTaskReconciler(common);
  const ofKubeTasks = createKubeTaskReconciler(common);
  const tasks = start(ofTasks, () => keysOf(agentKinds.task));
  const kubeTasks = start(ofKubeTasks, () => keysOf(agentKinds.kubeTask));
  const agents = start(createAgentReconciler(common), () => allAgents(objects));
  const cleanup = start(createCleanupReconciler(common), () => namespacesToClean(objects));
  objects.onChange((object, change) => {
    for (const key of ofTasks.concerned(object, change)) tasks.enqueue(key);
    for (const key of kubeTaskConcerned(object)) kubeTasks.enqueue(key);
    for (const key of agentsConcerned(object, objects)) agents.enqueue(key);
    for (const key of cleanupConcerned(object, change, objects)) cleanup.enqueue(key);
  });
  const idle = { agents: [], tasks: [] };
  metrics.tasks.gauges(() => (leadership.isLeader() ? ofTasks.load() : idle));
  metrics.tasks.gauges(() => (leadership.isLeader() ? ofKubeTasks.load() : idle));
  onClose(async () => {
    await Promise.all([tasks, kubeTasks, agents, cleanup].map((running) => running.close()));
    leadership.close();
    objects.close();
  });
  return {
    warnings: () => objects.problems().map((problem) => `tasks: ${problem}`),
    shown: agentTasks(watchedTaskObjects(objects), clock),
  };
}
