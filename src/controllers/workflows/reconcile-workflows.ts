/**
 * Runs WorkflowExecutions of both groups: observe, decide, act, and nothing between two rounds that the cluster does not
 * know. What is kept in memory only saves work or shortens a wait; a process that begins anew comes to the same end.
 */
import { defined } from '../../kernel/defined.ts';
import type { KubeObject, ObjectPlace } from '../../kernel/kube-object.ts';
import { ok, type Result } from '../../kernel/result.ts';
import type { Clock } from '../../ports/clock.ts';
import type { WorkflowMetrics } from '../../ports/workflow-metrics.ts';
import { kinds, workflowKinds } from '../../workflow/kinds.ts';
import {
  names,
  type ActionRegistry,
  type Engine,
  type WorkflowSettings,
  type WorkflowStatus,
} from '../../workflow/model.ts';
import { parseWorkflow } from '../../workflow/parse-workflow.ts';
import { parseWorkflowStatus } from '../../workflow/parse-status.ts';
import type { Setback } from '../runtime/answers.ts';
import type { Key, Reconciler, Settled } from '../runtime/reconciler.ts';
import { act, type Acting, type ActPorts } from './act.ts';
import { completeDecision } from './complete-decision.ts';
import { decide, type Observed } from './decide.ts';
import type { Act, Decision } from './decision.ts';
import type { WorkflowEngine } from './engine.ts';
import { jobEngine } from './job-engine.ts';
import { olderTwin, targetHolder, targetOf } from './observe.ts';
import { parallelSteps } from './parallel-steps.ts';
import { stepsFinished, workflowFinished } from './transitions.ts';

export interface WorkflowReconcilerPorts extends ActPorts {
  readonly settings: () => WorkflowSettings;
  readonly registry: () => ActionRegistry;
  readonly tekton: WorkflowEngine;
  readonly clock: Clock;
  readonly metrics: WorkflowMetrics;
}

/** Decisions within one round: each setback is taken into account once. */
const maxDecisions = 4;
const supersededMs = 1_000;

export function createWorkflowReconciler(ports: WorkflowReconcilerPorts): Reconciler {
  const { objects, settings, registry, clock, metrics } = ports;
  const engines: Readonly<Record<Engine, WorkflowEngine>> = { job: jobEngine(objects), tekton: ports.tekton };
  const parallel = parallelSteps(metrics, settings);
  /** Targets of workflows whose beginning is being written, and their UIDs. */
  const beginning = new Map<string, string>();
  /** UIDs of workflows all of whose records went through this process, while it led without a break. */
  const witnessed = new Set<string>();

  async function reconcile({ namespace, name }: Key, signal: AbortSignal): Promise<Settled> {
    if (!objects.isReady()) return { kind: 'retry', why: 'not everything that is watched was listed yet' };
    const settled: Settled[] = [];
    for (const kind of workflowKinds) {
      const place = { kind, namespace, name };
      const isThere = objects.get(place) !== undefined;
      if (!isThere) parallel.forget(place);
      else settled.push(await reconcileOne(place, signal));
    }
    return together(settled);
  }

  /** Each setback is a reason to decide once more, at once: nobody else will say that there was one. */
  async function reconcileOne(place: ObjectPlace, signal: AbortSignal): Promise<Settled> {
    const setbacks: Setback[] = [];
    for (let count = 0; count < maxDecisions; count += 1) {
      const object = objects.get(place);
      if (object === undefined || object.metadata.deletionTimestamp !== undefined) return { kind: 'settled' };
      const observed = observe(object, place);
      const decided = await decideFully(observed, setbacks, signal);
      if (!decided.ok) return { kind: 'retry', why: decided.failure.message };
      const outcome = await actAll(observed, decided.value, signal);
      if (outcome.kind !== 'setback') return outcome;
      setbacks.push(outcome.setback);
    }
    return { kind: 'retry', why: 'too much of what was to be created is refused or belongs to others' };
  }

  function observe(object: KubeObject, place: ObjectPlace): Observed {
    const status = parseWorkflowStatus(object);
    const isNew = status.phase === '';
    return {
      object,
      place,
      parsed: parseWorkflow(isNew ? object : withoutExecutor(object)),
      status,
      settings: settings(),
      registry: registry(),
      isTektonServed: objects.isServed(kinds.pipelineRun),
      ...defined('olderTwin', isNew ? olderTwin(objects, object) : undefined),
      ...defined('targetHolder', isNew ? targetHolder(objects, object, beginning) : undefined),
      history: historyOf(object.metadata.uid),
      now: clock.now(),
    };
  }

  function historyOf(uid: string): Observed['history'] {
    if (!witnessed.has(uid)) return 'unknown';
    return ports.history.isStored(uid) ? 'stored' : 'kept';
  }

  async function decideFully(
    observed: Observed,
    setbacks: readonly Setback[],
    signal: AbortSignal,
  ): Promise<Result<Decision>> {
    const next = decide(observed);
    if (next.kind === 'decided') return ok(completed(observed, next.decision, next.isRecorded));
    const { object, status, now } = observed;
    const engine = engines[status.engine ?? 'job'];
    const underWay = {
      workflow: next.workflow,
      object,
      status,
      settings: settings(),
      registry: registry(),
      setbacks,
      now,
    };
    const decided = await engine.decide(underWay, signal);
    return decided.ok ? ok(completed(observed, decided.value)) : decided;
  }

  function completed(observed: Observed, decision: Decision, isRecorded?: boolean): Decision {
    const { status, parsed, now, object } = observed;
    const workflow = parsed.ok ? parsed.value : undefined;
    const generation = object.metadata.generation ?? 0;
    return completeDecision({ status, workflow, registry: observed.registry, generation, now }, decision, isRecorded);
  }

  type Outcome = Settled | { readonly kind: 'setback'; readonly setback: Setback };

  async function actAll(observed: Observed, { acts, requeueAfterMs }: Decision, signal: AbortSignal): Promise<Outcome> {
    const { object } = observed;
    const target = targetOf(object);
    const isBeginning = target !== undefined && acts.some(begins);
    if (isBeginning) {
      // Decided on less: meanwhile another one has begun.
      if (targetHolder(objects, object, beginning) !== undefined)
        return { kind: 'settled', requeueAfterMs: supersededMs };
      beginning.set(target, object.metadata.uid);
    }
    try {
      return await inOrder(observed, acts, requeueAfterMs, signal);
    } finally {
      if (isBeginning) beginning.delete(target);
    }
  }

  async function inOrder(
    observed: Observed,
    acts: readonly Act[],
    requeueAfterMs: number | undefined,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const acting: Acting = observed;
    // Said when it is true: after the status is written.
    for (const one of [...acts.filter(({ kind }) => kind !== 'tell'), ...acts.filter(({ kind }) => kind === 'tell')]) {
      const outcome = await act(ports, acting, one, signal);
      if (outcome.kind === 'superseded') return { kind: 'settled', requeueAfterMs: supersededMs };
      if (outcome.kind === 'setback' || outcome.kind === 'retry') return outcome;
      if (outcome.kind === 'done') noteDone(observed, one);
      else witnessed.delete(observed.object.metadata.uid);
    }
    return { kind: 'settled', ...defined('requeueAfterMs', requeueAfterMs) };
  }

  function noteDone({ object, place, parsed, status }: Observed, one: Act): void {
    const { uid, creationTimestamp } = object.metadata;
    const isFinished = status.phase === 'Completed' || status.phase === 'Failed';
    // Of what is finished all is handed over at once.
    if (one.kind === 'record' && isFinished) witnessed.add(uid);
    if (one.kind !== 'status') return;
    if (begins(one)) witnessed.add(uid);
    if (isFinished) witnessed.delete(uid);
    count(status, one.status, creationTimestamp);
    if (parsed.ok) parallel.note(place, parsed.value, one.status);
  }

  function count(before: WorkflowStatus, after: WorkflowStatus, createdAt: string | undefined): void {
    if (before.engine === undefined && after.engine !== undefined) metrics.workflowStarted(after.engine);
    for (const step of stepsFinished(before, after)) metrics.stepFinished(step);
    const finished = workflowFinished(before, after, createdAt);
    if (finished !== undefined) metrics.workflowFinished(finished);
  }

  /** Another replica may have led in between, and kept what is missing here. */
  function begin(): void {
    witnessed.clear();
    parallel.clear();
  }

  return { name: 'workflows', reconcile, begin };
}

/** Where it runs was decided when it began; whatever the annotation says since then does not matter. */
function withoutExecutor(object: KubeObject): KubeObject {
  const { [names.executorAnnotation]: _, ...annotations } = object.metadata.annotations ?? {};
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function begins(one: Act): boolean {
  return one.kind === 'status' && one.status.phase === 'Initializing';
}

function together(settled: readonly Settled[]): Settled {
  const retry = settled.find(({ kind }) => kind === 'retry');
  if (retry !== undefined) return retry;
  const times = settled.flatMap((one) => (one.kind === 'settled' ? (one.requeueAfterMs ?? []) : []));
  return times.length === 0 ? { kind: 'settled' } : { kind: 'settled', requeueAfterMs: Math.min(...times) };
}
