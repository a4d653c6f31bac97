/** An ActionExecution in a fake cluster, and a reconciler of it; images are what a test says they are. */
import { createActionReconciler } from '../../../src/controllers/actions/reconciler.ts';
import type { Settled } from '../../../src/controllers/runtime/reconciler.ts';
import type { ActionContract } from '../../../src/contract/model.ts';
import { ok, type Result } from '../../../src/kernel/result.ts';
import type { KubeObject } from '../../../src/kernel/kube-object.ts';
import type { ActionToProve, ProvenAction } from '../../../src/ports/actions.ts';
import type { ClusterEvent } from '../../../src/ports/events.ts';
import { kinds } from '../../../src/workflow/kinds.ts';
import type { ActionStatus, WorkflowSettings } from '../../../src/workflow/model.ts';
import { parseActionStatus } from '../../../src/workflow/parse-status.ts';
import { fakeCluster, type FakeCluster } from '../../fakes/fake-cluster.ts';
import { fakeKubelet, type FakeKubelet } from '../../fakes/fake-kubelet.ts';

export const image = `r.example/actions/scale@sha256:${'1'.repeat(64)}`;
export const signer = 'https://ci.example/scale (https://issuer.example)';
export const key = { namespace: 'team', name: 'fix-scale' };
export const start = Date.parse('2026-01-01T00:00:00Z');

export const settings: WorkflowSettings = {
  maxParallelSteps: 5,
  approvalThreshold: 10,
  tekton: { enabled: true, stage: 'off', includeDependencies: false, trackingActionExecutions: false },
  retries: 3,
  stepTimeoutMs: 1_800_000,
  jobTtlSeconds: 300,
  workspaceSize: '1Gi',
  kubernetesQps: 20,
  kubernetesBurst: 30,
};

type Prove = (what: ActionToProve) => Result<ProvenAction>;

export function proven(what: ActionToProve, contract?: ActionContract): Result<ProvenAction> {
  const { template } = what;
  return ok({ image, signers: [signer], template, warnings: [], ...(contract !== undefined && { contract }) });
}

export class World {
  nowMs = start;
  readonly cluster: FakeCluster = fakeCluster({ now: () => this.nowMs });
  readonly kubelet: FakeKubelet = fakeKubelet(this.cluster, () => this.nowMs);
  readonly events: ClusterEvent[] = [];
  readonly asked: ActionToProve[] = [];
  prove: Prove = (what) => proven(what);
  #reconciler = this.#start();

  /** As the workflow reconciler creates it, or somebody else changes it. */
  add(spec: object = {}, name = key.name): KubeObject {
    const { apiVersion, kind } = kinds.action;
    const labels = { 'kubernaut.io/workflow': 'fix', 'kubernaut.io/step': 'scale' };
    const owner = {
      apiVersion: 'kubernaut.ai/v1alpha1',
      kind: 'WorkflowExecution',
      name: 'fix',
      uid: 'w',
      controller: true,
    };
    const status = this.cluster.get({ kind: kinds.action, ...key, name })?.['status'];
    return this.cluster.put({
      ...(status !== undefined && { status }),
      apiVersion,
      kind,
      metadata: { name, namespace: key.namespace, labels, ownerReferences: [owner] },
      spec: { actionType: 'kubernetes/scale_deployment', image, inputs: { replicas: 3 }, ...spec },
    });
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

  get status(): ActionStatus {
    return parseActionStatus(this.cluster.get({ kind: kinds.action, ...key }));
  }

  get jobs(): readonly string[] {
    return this.cluster.all(kinds.job).map(({ metadata }) => metadata.name);
  }

  get told(): readonly string[] {
    return this.events.map(({ type, reason }) => `${type} ${reason}`);
  }

  calls(name: string): number {
    return this.cluster.calls.get(name) ?? 0;
  }

  #start() {
    return createActionReconciler({
      objects: this.cluster,
      actions: {
        prove: async (what) => {
          this.asked.push(what);
          return this.prove(what);
        },
      },
      events: { tell: (event) => void this.events.push(event) },
      settings: () => settings,
      registry: () => ({ actions: new Map(), problems: new Map([['kubernetes/broken', 'it has no image']]) }),
      clock: { now: () => new Date(this.nowMs) },
    });
  }
}
