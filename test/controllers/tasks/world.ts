/** Tasks and their Agents in a fake cluster, and a reconciler of them. */
import { agentKinds } from '../../../src/agents/kinds.ts';
import { names, type TaskStatus } from '../../../src/agents/model.ts';
import { parseTaskStatus } from '../../../src/agents/parse-status.ts';
import { createTaskReconciler, type TaskReconciler } from '../../../src/controllers/tasks/reconciler.ts';
import type { Settled } from '../../../src/controllers/runtime/reconciler.ts';
import type { KubeObject, NewObject } from '../../../src/kernel/kube-object.ts';
import type { ClusterObjects } from '../../../src/ports/cluster-objects.ts';
import type { ClusterEvent } from '../../../src/ports/events.ts';
import type { FinishedTask } from '../../../src/ports/task-metrics.ts';
import { fakeCluster, Killed, type FakeCluster } from '../../fakes/fake-cluster.ts';
import { fakePods, type FakePods } from '../../fakes/fake-pods.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
export const home = 'team';
export const key = { namespace: home, name: 'fix' };
export const podPlace = { namespace: home, name: 'fix-pod' };

export interface More {
  readonly namespace?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly status?: object;
}

export class World {
  nowMs = start;
  readonly cluster: FakeCluster = fakeCluster({ now: () => this.nowMs });
  readonly pods: FakePods = fakePods(this.cluster, () => this.nowMs);
  readonly events: ClusterEvent[] = [];
  readonly finished: FinishedTask[] = [];
  /** UIDs of all Pods that ever were. */
  readonly made = new Map<string, string>();
  reconciler: TaskReconciler;

  constructor() {
    this.reconciler = this.begin(this.cluster);
  }

  agent(spec: object = {}, name = 'default', namespace = home): KubeObject {
    const place = { kind: agentKinds.agent, namespace, name };
    const status = this.cluster.get(place)?.['status'];
    const { apiVersion, kind } = agentKinds.agent;
    return this.cluster.put({
      apiVersion,
      kind,
      metadata: { name, namespace },
      spec: { serviceAccountName: 'worker', workspaceDir: '/workspace', ...spec },
      ...(status !== undefined && { status }),
    });
  }

  add(spec: object = {}, name = key.name, { namespace = home, ...more }: More = {}): KubeObject {
    const { apiVersion, kind } = agentKinds.task;
    const { status, ...metadata } = more;
    return this.cluster.put({
      apiVersion,
      kind,
      metadata: { name, namespace, ...metadata },
      spec: { description: 'Fix it.', ...spec },
      ...(status !== undefined && { status }),
    });
  }

  /** As `kubectl annotate` does it. */
  stop(name = key.name, namespace = home): void {
    const task = this.task(name, namespace);
    if (task === undefined) throw new Error(`there is no Task ${name}`);
    const { metadata, ...rest } = task;
    const annotations = { ...metadata.annotations, [names.stopAnnotation]: 'true' };
    this.cluster.put({ ...rest, metadata: { ...metadata, annotations } });
  }

  put(object: NewObject): KubeObject {
    return this.cluster.put(object);
  }

  /** The next process, which knows nothing of the one before. */
  restart(): void {
    this.cluster.revive();
    this.reconciler = this.begin(this.cluster);
  }

  begin(objects: ClusterObjects): TaskReconciler {
    this.cluster.onChange((object) => {
      if (object.kind === 'Pod')
        this.made.set(object.metadata.uid, `${object.metadata.namespace}/${object.metadata.name}`);
    });
    const reconciler = createTaskReconciler({
      objects,
      events: { tell: (event) => void this.events.push(event) },
      clock: { now: () => new Date(this.nowMs) },
      metrics: { taskFinished: (task) => void this.finished.push(task) },
      systemImage: 'r.example/system:1',
    });
    reconciler.begin?.();
    return reconciler;
  }

  async reconcile(name = key.name, namespace = home): Promise<Settled> {
    return this.reconciler.reconcile({ namespace, name }, new AbortController().signal);
  }

  /** Whoever is killed is followed by another. */
  async survive(name = key.name, namespace = home): Promise<Settled> {
    try {
      return await this.reconcile(name, namespace);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      this.restart();
      return this.survive(name, namespace);
    }
  }

  async after(seconds: number, name = key.name): Promise<Settled> {
    this.nowMs += seconds * 1_000;
    return this.reconcile(name);
  }

  task(name = key.name, namespace = home): KubeObject | undefined {
    return this.cluster.get({ kind: agentKinds.task, namespace, name });
  }

  status(name = key.name, namespace = home): TaskStatus {
    return parseTaskStatus(this.task(name, namespace));
  }

  /** As `type=status reason`, with the message. */
  condition(type: string, name = key.name): string {
    const found = this.status(name).conditions.find((one) => one.type === type);
    return found === undefined ? '' : `${found.status} ${found.reason}: ${found.message}`;
  }

  names(kind: 'pod' | 'configMap'): readonly string[] {
    return this.cluster.all(agentKinds[kind]).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  }

  get told(): readonly string[] {
    return this.events.map(({ type, reason }) => `${type} ${reason}`);
  }
}

/** With a Task whose Pod runs. */
export async function running(spec: object = {}, agent: object = {}): Promise<World> {
  const world = new World();
  world.agent(agent);
  world.add(spec);
  await world.reconcile();
  world.pods.run(podPlace);
  await world.reconcile();
  return world;
}
