/**
 * What workflows and their reconcilers count. Every counter begins with 0 for all that it can tell apart: Prometheus does
 * not see a counter that appears with 1 increase.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { WorkflowMetrics } from '../../ports/workflow-metrics.ts';
import { failureReasons, type Engine } from '../../workflow/model.ts';

/** What the loop around reconcilers asks for. */
export interface ReconcileMetrics {
  depth(reconciler: string, keys: number): void;
  round(reconciler: string, outcome: 'settled' | 'retry' | 'error', seconds: number): void;
}

export interface UnfinishedWorkflows {
  /** What they do, or wait for. */
  readonly state: (typeof states)[number];
  readonly count: number;
  /** Age of the oldest; 0: there is none. */
  readonly oldestSeconds: number;
}

export interface HistoryMetrics {
  delivered(count: number): void;
  deliveryFailed(): void;
  /** Workflows of which records wait to be stored; read whenever metrics are. */
  waiting(count: () => number): void;
}

export interface PrometheusWorkflowMetrics extends WorkflowMetrics {
  readonly reconciling: ReconcileMetrics;
  readonly history: HistoryMetrics;
  /** Read whenever metrics are; what is not named is 0. */
  unfinished(read: () => readonly UnfinishedWorkflows[]): void;
}

const states = ['running', 'suspended', 'unapproved'] as const;
const reconcilers = ['workflows', 'actions', 'tasks', 'kube-tasks', 'agents', 'task-cleanup'];
const engines: readonly Engine[] = ['job', 'tekton'];
/** Of what was refused before an engine was chosen. */
const noEngine = 'none';
/** Of what did not fail. */
const noReason = 'None';

// The documents promise 5-10 s for one action, 45 s for a pipeline, and repair within minutes.
const workflowBuckets = [1, 2.5, 5, 7.5, 10, 15, 20, 30, 45, 60, 90, 120, 240, 300, 480, 900, 1_800, 3_600, 14_400];
const reconcileBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function prometheusWorkflowMetrics(registers: Registry[]): PrometheusWorkflowMetrics {
  return {
    ...finished(registers),
    parallelSteps: parallelSteps(registers),
    reconciling: reconciling(registers),
    history: history(registers),
    unfinished: (read) => unfinished(registers, read),
  };
}

function finished(registers: Registry[]): Omit<WorkflowMetrics, 'parallelSteps'> {
  const started = new Counter({
    name: 'countersign_workflows_started_total',
    help: 'Workflows for which an engine was chosen.',
    labelNames: ['engine'],
    registers,
  });
  const workflows = new Counter({
    name: 'countersign_workflows_finished_total',
    help: 'Workflows that have ended; the engine is none for those that were refused before one was chosen.',
    labelNames: ['engine', 'outcome', 'reason'],
    registers,
  });
  const durations = engineSeconds('workflow_duration', 'From the start of a workflow to its end.', registers);
  const repairs = engineSeconds(
    'workflow_time_to_repair',
    'From the creation of a workflow to its completion.',
    registers,
  );
  const steps = new Counter({
    name: 'countersign_workflow_steps_finished_total',
    help: 'Steps that have ended, or never began.',
    labelNames: ['engine', 'outcome', 'reason'],
    registers,
  });
  const stepDurations = engineSeconds('workflow_step_duration', 'From the start of a step to its end.', registers);
  for (const engine of engines) {
    started.inc({ engine }, 0);
    for (const outcome of ['Completed', 'Skipped']) steps.inc({ engine, outcome, reason: noReason }, 0);
    for (const reason of failureReasons) steps.inc({ engine, outcome: 'Failed', reason }, 0);
    steps.inc({ engine, outcome: 'Cancelled', reason: 'Cancelled' }, 0);
    workflows.inc({ engine, outcome: 'Completed', reason: noReason }, 0);
  }
  for (const engine of [...engines, noEngine])
    for (const reason of failureReasons) workflows.inc({ engine, outcome: 'Failed', reason }, 0);
  return {
    workflowStarted: (engine) => started.inc({ engine }),
    workflowFinished: ({ engine, failure, seconds, secondsSinceCreation }) => {
      const outcome = failure === undefined ? 'Completed' : 'Failed';
      workflows.inc({ engine: engine ?? noEngine, outcome, reason: failure ?? noReason });
      if (engine === undefined) return;
      durations.observe({ engine }, seconds);
      if (failure === undefined) repairs.observe({ engine }, secondsSinceCreation);
    },
    stepFinished: ({ engine, phase, failure, seconds }) => {
      steps.inc({ engine, outcome: phase, reason: failure ?? noReason });
      if (seconds !== undefined) stepDurations.observe({ engine }, seconds);
    },
  };
}

function engineSeconds(what: string, help: string, registers: Registry[]): Histogram<'engine'> {
  const name = `countersign_${what}_seconds`;
  const made = new Histogram({ name, help, labelNames: ['engine'], buckets: workflowBuckets, registers });
  for (const engine of engines) made.zero({ engine });
  return made;
}

/** Names of the design documents. */
function parallelSteps(registers: Registry[]): WorkflowMetrics['parallelSteps'] {
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
  const active = gauge('workflow_parallel_workers_active', 'Steps that run now, of all workflows.');
  const most = gauge('workflow_parallel_workers_max', 'Steps of one workflow that may run at a time.');
  const queued = gauge('workflow_parallel_steps_queued', 'Steps that could run, but for that limit.');
  return (steps) => {
    active.set(steps.active);
    most.set(steps.max);
    queued.set(steps.queued);
  };
}

function reconciling(registers: Registry[]): ReconcileMetrics {
  const rounds = new Histogram({
    name: 'countersign_reconcile_duration_seconds',
    help: 'Time to look at one object and do what is to be done about it.',
    labelNames: ['reconciler', 'outcome'],
    buckets: reconcileBuckets,
    registers,
  });
  const queues = new Gauge({
    name: 'countersign_reconcile_queue',
    help: 'Objects that wait to be looked at.',
    labelNames: ['reconciler'],
    registers,
  });
  for (const reconciler of reconcilers) {
    queues.set({ reconciler }, 0);
    for (const outcome of ['settled', 'retry', 'error']) rounds.zero({ reconciler, outcome });
  }
  return {
    depth: (reconciler, keys) => queues.set({ reconciler }, keys),
    round: (reconciler, outcome, seconds) => rounds.observe({ reconciler, outcome }, seconds),
  };
}

function history(registers: Registry[]): HistoryMetrics {
  const delivered = new Counter({
    name: 'countersign_history_delivered_total',
    help: 'Records of steps that were stored in the action history.',
    registers,
  });
  const failures = new Counter({
    name: 'countersign_history_delivery_failures_total',
    help: 'Tries to store records of steps that failed; they are tried again.',
    registers,
  });
  return {
    delivered: (count) => delivered.inc(count),
    deliveryFailed: () => failures.inc(),
    waiting: (count) => {
      const gauge: Gauge = new Gauge({
        name: 'countersign_history_waiting',
        help: 'Workflows of which records wait to be stored in the action history.',
        registers,
        collect: () => gauge.set(count()),
      });
    },
  };
}

function unfinished(registers: Registry[], read: () => readonly UnfinishedWorkflows[]): void {
  const count: Gauge = new Gauge({
    name: 'countersign_workflows_unfinished',
    help: 'Workflows that have not ended, by what they do or wait for: running, suspended, unapproved.',
    labelNames: ['state'],
    registers,
    collect: () => {
      for (const state of states) count.set({ state }, 0);
      for (const of of read()) count.set({ state: of.state }, of.count);
    },
  });
  const oldest: Gauge = new Gauge({
    name: 'countersign_workflow_oldest_unfinished_seconds',
    help: 'Age of the oldest workflow that has not ended.',
    labelNames: ['state'],
    registers,
    collect: () => {
      for (const state of states) oldest.set({ state }, 0);
      for (const of of read()) oldest.set({ state: of.state }, of.oldestSeconds);
    },
  });
}
