/**
 * A cluster in memory with the workflow reconciler, a clock that only the test moves, and somebody who runs ActionExecutions
 * and notes which step ran when. The reconciler can be killed at any call and begun anew.
 */
import { createWorkflowReconciler } from '../../../src/controllers/workflows/reconcile-workflows.ts';
import type { WorkflowEngine } from '../../../src/controllers/workflows/engine.ts';
import type { Settled } from '../../../src/controllers/runtime/reconciler.ts';
import { failure } from '../../../src/kernel/failure.ts';
import type { KubeObject } from '../../../src/kernel/kube-object.ts';
import { fail, ok } from '../../../src/kernel/result.ts';
import { asRecord } from '../../../src/kernel/strict-json.ts';
import type { ActionRecord } from '../../../src/ports/action-history.ts';
import type { ClusterObjects } from '../../../src/ports/cluster-objects.ts';
import type { ClusterEvent } from '../../../src/ports/events.ts';
import type { FinishedStep, FinishedWorkflow, ParallelSteps } from '../../../src/ports/workflow-metrics.ts';
import { kinds, workflowKinds } from '../../../src/workflow/kinds.ts';
import { names, type ActionRegistry, type WorkflowSettings, type WorkflowStatus } from '../../../src/workflow/model.ts';
import { parseActionStatus, parseWorkflowStatus } from '../../../src/workflow/parse-status.ts';
import { fakeCluster, Killed, type FakeCluster } from '../../fakes/fake-cluster.ts';
import { staleView } from './stale-view.ts';

export const image = `registry.test/actions/one@sha256:${'a'.repeat(64)}`;

export const usualSettings: WorkflowSettings = {
  maxParallelSteps: 5,
  approvalThreshold: 10,
  kubernetesQps: 20,
  kubernetesBurst: 30,
  tekton: { enabled: true, stage: 'off', includeDependencies: false, trackingActionExecutions: false },
  retries: 3,
  stepTimeoutMs: 1_800_000,
  jobTtlSeconds: 300,
  workspaceSize: '1Gi',
};

export type Ending = 'Completed' | 'Failed' | 'removed';

export interface StepSpec {
  readonly name: string;
  readonly runAfter?: readonly string[];
  readonly [member: string]: unknown;
}

const [kind, otherKind] = workflowKinds;
if (kind === undefined || otherKind === undefined) throw new Error('there are two kinds of workflows');
export const workflowKind = kind;
export const twinKind = otherKind;

export interface WorldOptions {
  readonly settings?: Partial<WorkflowSettings>;
  readonly registry?: ActionRegistry;
  /** How a step ends; absent: Completed. */
  readonly ending?: (step: string) => Ending;
  /** Whether what is known of an object now is older than it is; asked each time. Absent: never. */
  readonly isStale?: (kind: string) => boolean;
  /** Absent: nothing runs on Tekton. */
  readonly tekton?: (objects: ClusterObjects) => WorkflowEngine;
  /** What everybody else does in a round. */
  readonly others?: (cluster: FakeCluster, now: () => number) => void;
}

const noTekton: WorkflowEngine = {
  decide: () => Promise.resolve(fail(failure('INTERNAL', 'nothing here runs on Tekton'))),
};

export function world({
  settings = {},
  registry,
  ending = () => 'Completed',
  isStale = () => false,
  tekton = () => noTekton,
  others = () => undefined,
}: WorldOptions = {}) {
  let nowMs = Date.parse('2026-01-01T00:00:00.000Z');
  const cluster = fakeCluster({ now: () => nowMs });
  const kept: ActionRecord[] = [];
  const events: ClusterEvent[] = [];
  const counted = { started: 0, workflows: [] as FinishedWorkflow[], steps: [] as FinishedStep[] };
  const parallel: ParallelSteps[] = [];
  /** Each time that a step of an ActionExecution began to run, by workflow/step. */
  const runs: string[] = [];
  const state = { isStored: true, isOutboxBroken: false, settings: { ...usualSettings, ...settings } };

  const begin = () => {
    const objects = staleView(cluster, isStale, () => nowMs);
    return createWorkflowReconciler({
      objects,
      settings: () => state.settings,
      registry: () => registry ?? { actions: new Map(), problems: new Map() },
      tekton: tekton(objects),
      history: {
        keep: (records) => {
          if (state.isOutboxBroken) return Promise.resolve(fail(failure('RECORDS_UNAVAILABLE', 'disk full')));
          kept.push(...records);
          return Promise.resolve(ok(undefined));
        },
        isStored: () => state.isStored,
      },
      events: { tell: (event) => events.push(event) },
      clock: { now: () => new Date(nowMs) },
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
      metrics: {
        workflowStarted: () => (counted.started += 1),
        workflowFinished: (one) => counted.workflows.push(one),
        stepFinished: (one) => counted.steps.push(one),
        parallelSteps: (one) => parallel.push(one),
      },
    });
  };
  let reconciler = begin();

  function apply(
    name: string,
    steps: readonly StepSpec[],
    rest: object = {},
    more: { annotations?: object; twin?: true } = {},
  ) {
    const spec = { steps: steps.map((step) => ({ image, ...step })), ...rest };
    const annotations = { ...more.annotations };
    const { apiVersion } = more.twin === true ? twinKind : workflowKind;
    const metadata = { name, namespace: 'apps', annotations };
    return cluster.put({ apiVersion, kind: 'WorkflowExecution', metadata, spec });
  }

  const place = (name: string, of = workflowKind) => ({ kind: of, namespace: 'apps', name });
  const objectOf = (name: string, of = workflowKind): KubeObject => {
    const object = cluster.get(place(name, of));
    if (object === undefined) throw new Error(`there is no workflow ${name}`);
    return object;
  };
  const status = (name: string, of = workflowKind): WorkflowStatus => parseWorkflowStatus(objectOf(name, of));
  const change = (name: string, spec: object): void => {
    const object = objectOf(name);
    cluster.put({ ...object, spec: { ...asRecord(object['spec']), ...spec } });
  };

  const reconcile = (name: string): Promise<Settled> =>
    reconciler.reconcile({ namespace: 'apps', name }, new AbortController().signal);

  async function reconcileAll(): Promise<void> {
    const all = new Set(workflowKinds.flatMap((one) => cluster.all(one)).map(({ metadata }) => metadata.name));
    for (const name of all) await reconcile(name);
  }

  /** Whoever runs ActionExecutions: one that is new begins, one that runs ends. */
  function runActions(): void {
    others(cluster, () => nowMs);
    for (const action of cluster.all(kinds.action)) {
      if (asRecord(action['spec'])?.['mirrors'] !== undefined) continue;
      const { phase } = parseActionStatus(action);
      const at = { kind: kinds.action, namespace: 'apps', name: action.metadata.name };
      const time = new Date(nowMs).toISOString();
      const before = asRecord(action['status']);
      if (phase === 'Completed' || phase === 'Failed' || phase === 'Cancelled') continue;
      if (asRecord(action['spec'])?.['cancel'] === true) {
        cluster.setStatus(at, { ...before, phase: 'Cancelled', completedAt: time });
      } else if (phase === '') {
        runs.push(`${action.metadata.labels?.[names.workflowLabel]}/${action.metadata.labels?.[names.stepLabel]}`);
        cluster.setStatus(at, { phase: 'Running', startedAt: time, executionName: action.metadata.name, image });
      } else end(action, at, { ...before, completedAt: time });
    }
  }

  function end(action: KubeObject, at: Parameters<typeof cluster.drop>[0], result: object): void {
    const step = action.metadata.labels?.[names.stepLabel] ?? '';
    const how = ending(step);
    // Nobody can know of one that was made, ran and was removed by hand before its making could be noted.
    const isNoted = cluster.all(workflowKind).some((object) => isRunning(parseWorkflowStatus(object), step));
    if (how === 'removed' && isNoted) cluster.drop(at);
    else if (how === 'removed') return;
    else if (how === 'Completed') cluster.setStatus(at, { ...result, phase: how, outputs: { step } });
    else cluster.setStatus(at, { ...result, phase: how, failureDetails: exitedWith1(step, new Date(nowMs)) });
  }

  /** Rounds of everybody, a second each, until nothing changes any more. */
  async function run(rounds = 60): Promise<void> {
    for (let round = 0; round < rounds; round += 1) {
      await reconcileAll();
      runActions();
      nowMs += 1_000;
    }
  }

  /** As run, but whenever the reconciler is killed the next process begins. */
  async function runThroughKills(rounds = 60): Promise<number> {
    let kills = 0;
    for (let round = 0; round < rounds; round += 1) {
      try {
        await reconcileAll();
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
        kills += 1;
        restart();
      }
      runActions();
      nowMs += 1_000;
    }
    return kills;
  }

  function restart(): void {
    cluster.revive();
    reconciler = begin();
  }

  return {
    cluster,
    kept,
    events,
    counted,
    parallel,
    runs,
    state,
    apply,
    place,
    objectOf,
    status,
    change,
    reconcile,
    reconcileAll,
    runActions,
    run,
    runThroughKills,
    restart,
    advance: (ms: number) => (nowMs += ms),
    now: () => new Date(nowMs),
  };
}

function isRunning({ steps }: WorkflowStatus, step: string): boolean {
  return steps.some(({ name, phase }) => name === step && phase === 'Running');
}

export function exitedWith1(step: string, at: Date) {
  return {
    reason: 'TaskFailed',
    message: 'exit code 1',
    exitCode: 1,
    failedAt: at.toISOString(),
    naturalLanguageSummary: `Step ${step} exited with code 1.`,
    wasExecutionFailure: true,
  };
}

/** Two begin at once, two wait for one each, one for both, one for that: six steps. */
export const sixSteps: readonly StepSpec[] = [
  { name: 'a' },
  { name: 'b', usesWorkspace: true },
  { name: 'c', runAfter: ['a'] },
  { name: 'd', runAfter: ['b'], usesWorkspace: true },
  { name: 'e', runAfter: ['c', 'd'] },
  { name: 'f', runAfter: ['e'] },
];
