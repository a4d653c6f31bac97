/** Tasks and Agents of KubeTask in a fake cluster, and a reconciler of them. */
import { agentKinds } from '../../../src/agents/kinds.ts';
import type { TaskStatus } from '../../../src/agents/model.ts';
import { parseTaskStatus } from '../../../src/agents/parse-status.ts';
import { createKubeTaskReconciler } from '../../../src/controllers/kube-tasks/reconciler.ts';
import type { Settled } from '../../../src/controllers/runtime/reconciler.ts';
import type { KubeObject } from '../../../src/kernel/kube-object.ts';
import type { ClusterEvent } from '../../../src/ports/events.ts';
import type { ClusterObjects } from '../../../src/ports/cluster-objects.ts';
import type { FinishedTask } from '../../../src/ports/task-metrics.ts';
import { fakeCluster, type FakeCluster } from '../../fakes/fake-cluster.ts';
import { fakeKubelet, type FakeKubelet } from '../../fakes/fake-kubelet.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
export const key = { namespace: 'team', name: 'update' };
export const jobPlace = { namespace: 'team', name: 'update-job' };
export const second = (after: number): string => new Date(start + after * 1_000).toISOString().replace('.000Z', 'Z');
export const task = { kind: agentKinds.kubeTask, ...key };
export const job = { kind: agentKinds.job, ...jobPlace };
const agentImage = 'registry.example/agent:v1';

export function inline(filePath: string, text: string): object {
  return { type: 'File', file: { filePath, source: { inline: text } } };
}

export function fromKey(filePath: string, name: string, file: string, optional?: boolean): object {
  return { type: 'File', file: { filePath, source: { configMapKeyRef: { name, key: file, optional } } } };
}

export function fromConfigMap(dirPath: string, name: string, optional?: boolean): object {
  return { type: 'File', file: { dirPath, source: { configMapRef: { name, optional } } } };
}

export class World {
  nowMs = start;
  readonly cluster: FakeCluster = fakeCluster({ now: () => this.nowMs });
  readonly kubelet: FakeKubelet = fakeKubelet(this.cluster, () => this.nowMs);
  readonly events: ClusterEvent[] = [];
  readonly finished: FinishedTask[] = [];
  /** What the process sees; a test may put something in between. */
  seen: ClusterObjects = this.cluster;
  #reconciler = this.#start();

  addAgent(spec: object = {}, name = 'default', annotations: Readonly<Record<string, string>> = {}): KubeObject {
    const { apiVersion, kind } = agentKinds.kubeTaskAgent;
    const metadata = { name, namespace: key.namespace, annotations };
    return this.cluster.put({ apiVersion, kind, metadata, spec: { agentImage, serviceAccountName: 'agent', ...spec } });
  }

  /** As somebody applies it; its status stays. */
  addTask(spec: object = {}, name = key.name): KubeObject {
    const { apiVersion, kind } = agentKinds.kubeTask;
    const status = this.cluster.get({ kind: agentKinds.kubeTask, ...key, name })?.['status'];
    return this.cluster.put({
      apiVersion,
      kind,
      metadata: { name, namespace: key.namespace },
      spec: { contexts: [inline('/workspace/task.md', 'Update it.')], ...spec },
      ...(status !== undefined && { status }),
    });
  }

  addConfigMap(name: string, data: Readonly<Record<string, string>>): KubeObject {
    const { apiVersion, kind } = agentKinds.configMap;
    return this.cluster.put({ apiVersion, kind, metadata: { name, namespace: key.namespace }, data });
  }

  /** The next process, which knows nothing of the one before. */
  restart(): void {
    this.cluster.revive();
    this.#reconciler = this.#start();
  }

  async reconcile(name = key.name): Promise<Settled> {
    return this.#reconciler.reconcile({ ...key, name }, new AbortController().signal);
  }

  load() {
    return this.#reconciler.load();
  }

  /** Lets time pass, then looks again. */
  async after(seconds: number): Promise<Settled> {
    this.nowMs += seconds * 1_000;
    return this.reconcile();
  }

  get task(): KubeObject | undefined {
    return this.cluster.get({ kind: agentKinds.kubeTask, ...key });
  }

  get status(): TaskStatus {
    return parseTaskStatus(this.task);
  }

  /** Of the condition Ready=False. */
  get failure(): { readonly reason: string; readonly message: string } | undefined {
    const { phase, conditions } = this.status;
    return phase === 'Failed'
      ? conditions.find(({ type, status }) => type === 'Ready' && status === 'False')
      : undefined;
  }

  get waiting(): string | undefined {
    return this.status.conditions.find(({ type }) => type === 'Waiting')?.reason;
  }

  get job(): KubeObject | undefined {
    return this.cluster.all(agentKinds.job).find(({ metadata }) => metadata.name === jobPlace.name);
  }

  get files(): KubeObject | undefined {
    return this.cluster.all(agentKinds.configMap).find(({ metadata }) => metadata.name === 'update-context');
  }

  /** What was made for Tasks and is there. */
  get made(): readonly string[] {
    const all = [agentKinds.job, agentKinds.pod, agentKinds.configMap].flatMap((kind) => this.cluster.all(kind));
    const ofTasks = all.filter(({ metadata }) => metadata.labels?.['kubetask.io/task'] !== undefined);
    return ofTasks.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  }

  get told(): readonly string[] {
    return this.events.map(({ type, reason }) => `${type} ${reason}`);
  }

  calls(name: string): number {
    return this.cluster.calls.get(name) ?? 0;
  }

  warnOfPod(reason: string, message: string): void {
    const { namespace = '', name = '' } = this.kubelet.podOf(jobPlace)?.metadata ?? {};
    this.cluster.warn({ kind: agentKinds.pod, namespace, name }, { reason, message });
  }

  #start() {
    return createKubeTaskReconciler({
      objects: this.seen,
      events: { tell: (event) => void this.events.push(event) },
      clock: { now: () => new Date(this.nowMs) },
      metrics: { taskFinished: (task) => void this.finished.push(task) },
    });
  }
}

/** With a Task and its Agent, to a Job that is there. */
export async function begun(world: World, spec: object = {}, agent: object = {}): Promise<void> {
  world.addAgent(agent);
  world.addTask(spec);
  await world.reconcile();
}
