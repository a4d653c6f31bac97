/** Kubernaut's workflows: what is watched for them, who looks at what has changed, and what both reconcilers stand on. */
import { clusterObjects } from '../../adapters/kubernetes/cluster-objects.ts';
import { accountPullSecrets } from '../../adapters/kubernetes/pull-credentials.ts';
import type { Watched } from '../../adapters/kubernetes/watched-kind.ts';
import { createActions } from '../../admission/prove-action.ts';
import { createActionReconciler } from '../../controllers/actions/reconciler.ts';
import type { Key } from '../../controllers/runtime/reconciler.ts';
import { startReconciler } from '../../controllers/runtime/start-reconciler.ts';
import { whenReady } from '../../controllers/runtime/when-ready.ts';
import { concerned } from '../../controllers/workflows/concerned.ts';
import { liveSettings } from '../../controllers/workflows/live-settings.ts';
import { createWorkflowReconciler } from '../../controllers/workflows/reconcile-workflows.ts';
import { tektonEngine } from '../../controllers/workflows/tekton-engine.ts';
import { unfinishedWorkflows } from '../../controllers/workflows/unfinished.ts';
import type { EvidenceSource } from '../../evidence/evidence-source.ts';
import type { Kind, KubeObject } from '../../kernel/kube-object.ts';
import type { Events } from '../../ports/events.ts';
import type { Leadership } from '../../ports/leadership.ts';
import type { Policies } from '../../ports/policies.ts';
import { kinds, workflowKinds } from '../../workflow/kinds.ts';
import { names } from '../../workflow/model.ts';
import type { WatchedOutbox } from './action-outbox.ts';
import type { Foundation } from './foundation.ts';

export interface WorkflowPorts {
  readonly policies: Policies;
  readonly evidence: EvidenceSource;
  readonly leadership: Leadership;
  readonly events: Events;
  readonly history: WatchedOutbox;
}

/** A round mostly waits for registry or API server; how often the latter is asked is limited elsewhere. */
const workers = 16;

/** Everything of a run is labelled, so that nothing else of the cluster comes into memory. */
function watchedFor(namespace: string): readonly Watched[] {
  const label = names.engineLabel;
  const labelled = [kinds.job, kinds.pod, kinds.claim, kinds.pipelineRun, kinds.taskRun];
  return [
    ...[...workflowKinds, kinds.action].map((kind) => ({ kind })),
    ...labelled.map((kind) => ({ kind, label })),
    { kind: kinds.task, name: names.metaTask },
    ...[names.settings, names.registry].map((name) => ({ kind: kinds.configMap, namespace, name })),
  ];
}

export interface RunningWorkflows {
  /** Sentences for readiness: requests are answered all the same. */
  warnings(): readonly string[];
}

export function startWorkflows(base: Foundation, ports: WorkflowPorts): RunningWorkflows | undefined {
  const { config, kubeConfig, clock, log, metrics, onClose } = base;
  if (kubeConfig === undefined) return undefined;
  const { events, history } = ports;
  const watches = watchedFor(config.namespace);
  const rate = (): { readonly qps: number; readonly burst: number } => {
    const { kubernetesQps: qps, kubernetesBurst: burst } = live.settings();
    return { qps, burst };
  };
  const objects = clusterObjects({ kubeConfig, watches, log, rate });
  const live = liveSettings({ ...ports, objects, log }, config.namespace, process.env);
  const leadership = whenReady(ports.leadership, () => objects.isReady());
  const actions = createActions({ ...ports, clock, pullSecrets: accountPullSecrets({ kubeConfig }) });
  const common = { objects, events, clock, log, settings: () => live.settings(), registry: () => live.registry() };
  const running = { workers, leadership, log, metrics: metrics.workflows.reconciling };
  const keysOf = (...listed: readonly Kind[]): readonly Key[] =>
    listed.flatMap((kind) => objects.list(kind)).map(keyOf);
  const workflows = startReconciler({
    ...running,
    reconciler: createWorkflowReconciler({
      ...common,
      history,
      tekton: tektonEngine({ objects, actions }),
      metrics: metrics.workflows,
    }),
    everything: () => keysOf(...workflowKinds),
  });
  const ofActions = startReconciler({
    ...running,
    reconciler: createActionReconciler({ ...common, actions }),
    everything: () => keysOf(kinds.action),
  });
  metrics.workflows.unfinished(() => {
    const all = leadership.isLeader() ? workflowKinds.flatMap((kind) => objects.list(kind)) : [];
    return unfinishedWorkflows(all, live.settings(), clock.now());
  });
  const workflowsByUid = new Map<string, Key>();
  objects.onChange((object, change) => {
    if (workflowKinds.some(({ kind }) => kind === object.kind)) note(workflowsByUid, object, change);
    const keys = concerned(object, objects);
    for (const key of keys.workflows) workflows.enqueue(key);
    for (const key of keys.actions) ofActions.enqueue(key);
  });
  // A finished workflow waits for it: condition Recorded, and its time to live.
  history.onStored((workflowUid) => {
    const stored = workflowsByUid.get(workflowUid);
    if (stored !== undefined) workflows.enqueue(stored);
  });
  onClose(async () => {
    await Promise.all([workflows.close(), ofActions.close()]);
    leadership.close();
    live.close();
    objects.close();
  });
  return { warnings: () => objects.problems().map((problem) => `workflows: ${problem}`) };
}

function note(keys: Map<string, Key>, object: KubeObject, change: 'present' | 'gone'): void {
  if (change === 'present') keys.set(object.metadata.uid, keyOf(object));
  else keys.delete(object.metadata.uid);
}

function keyOf({ metadata }: { readonly metadata: { readonly namespace?: string; readonly name: string } }): Key {
  return { namespace: metadata.namespace ?? '', name: metadata.name };
}
