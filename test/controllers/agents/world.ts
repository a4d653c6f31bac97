/** An Agent in a fake cluster, and a reconciler of its server. */
import { agentKinds } from '../../../src/agents/kinds.ts';
import { createAgentReconciler } from '../../../src/controllers/agents/reconciler.ts';
import type { Reconciler, Settled } from '../../../src/controllers/runtime/reconciler.ts';
import { defined } from '../../../src/kernel/defined.ts';
import type { Kind, KubeObject, NewObject } from '../../../src/kernel/kube-object.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import type { ClusterEvent } from '../../../src/ports/events.ts';
import { fakeCluster, type FakeCluster } from '../../fakes/fake-cluster.ts';

export const key = { namespace: 'agents', name: 'helper' };
const start = Date.parse('2026-01-01T00:00:00Z');

export class World {
  nowMs = start;
  readonly cluster: FakeCluster = fakeCluster({ now: () => this.nowMs });
  readonly events: ClusterEvent[] = [];
  #reconciler: Reconciler = this.#start();

  /** As somebody applies it. */
  apply(spec: object = { serverConfig: {} }, name = key.name): KubeObject {
    const { apiVersion, kind } = agentKinds.agent;
    const status = this.cluster.get({ kind: agentKinds.agent, ...key, name })?.['status'];
    return this.cluster.put({
      apiVersion,
      kind,
      metadata: { name, namespace: key.namespace },
      spec: { serviceAccountName: 'runner', ...spec },
      ...defined('status', status),
    });
  }

  /** As somebody else creates it. */
  put(kind: Kind, name: string, rest: object = {}): KubeObject {
    const object: NewObject = {
      apiVersion: kind.apiVersion,
      kind: kind.kind,
      metadata: { name, namespace: key.namespace },
    };
    return this.cluster.put({ ...object, ...rest });
  }

  /** The next process, which knows nothing of the one before. */
  restart(): void {
    this.cluster.revive();
    this.#reconciler = this.#start();
  }

  async reconcile(name = key.name): Promise<Settled> {
    return this.#reconciler.reconcile({ ...key, name }, new AbortController().signal);
  }

  /** Lets time pass, then looks again. */
  async after(seconds: number): Promise<Settled> {
    this.nowMs += seconds * 1_000;
    return this.reconcile();
  }

  /** As the controller of Deployments says it. */
  async ready(replicas: number, name = 'helper-server'): Promise<Settled> {
    const status = replicas === 0 ? { replicas: 0 } : { replicas, readyReplicas: replicas };
    this.cluster.setStatus({ kind: agentKinds.deployment, namespace: key.namespace, name }, status);
    return this.reconcile();
  }

  object(kind: Kind, name: string): KubeObject | undefined {
    return this.cluster.all(kind).find(({ metadata }) => metadata.name === name);
  }

  get deployment(): KubeObject | undefined {
    return this.object(agentKinds.deployment, 'helper-server');
  }

  get service(): KubeObject | undefined {
    return this.object(agentKinds.service, 'helper');
  }

  get contexts(): KubeObject | undefined {
    return this.object(agentKinds.configMap, 'helper-server-context');
  }

  get status(): Readonly<Record<string, unknown>> {
    return asRecord(this.object(agentKinds.agent, key.name)?.['status']) ?? {};
  }

  /** E.g. `ServerReady=True DeploymentReady`. */
  get conditions(): readonly string[] {
    const all: unknown = this.status['conditions'] ?? [];
    const conditions = Array.isArray(all) ? all.map(asRecord) : [];
    return conditions.map((one) => `${String(one?.['type'])}=${String(one?.['status'])} ${String(one?.['reason'])}`);
  }

  get told(): readonly string[] {
    return this.events.map(({ type, reason }) => `${type} ${reason}`);
  }

  /** How many calls `work` makes. */
  async callsOf(work: () => Promise<unknown>): Promise<number> {
    const before = this.cluster.callCount();
    await work();
    return this.cluster.callCount() - before;
  }

  #start(): Reconciler {
    return createAgentReconciler({
      objects: this.cluster,
      events: { tell: (event) => void this.events.push(event) },
      clock: { now: () => new Date(this.nowMs) },
      systemImage: 'system:1',
    });
  }
}
