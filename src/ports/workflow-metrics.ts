/** What is counted of workflows, so that their two engines can be compared. Label values come from closed sets. */
import type { Engine, FailureReason, StepPhase } from '../workflow/model.ts';

export interface FinishedWorkflow {
  /** Absent: it was refused before an engine was chosen. */
  readonly engine?: Engine;
  /** Absent: it completed. */
  readonly failure?: FailureReason;
  /** From its start to its end. */
  readonly seconds: number;
  /** From its creation to its end: of completed ones the time to repair. */
  readonly secondsSinceCreation: number;
}

export interface FinishedStep {
  readonly engine: Engine;
  readonly phase: Exclude<StepPhase, 'Pending' | 'Running'>;
  /** Absent: it completed, or never began. */
  readonly failure?: FailureReason;
  /** Absent: it never began. */
  readonly seconds?: number;
}

/** Over all unfinished workflows. */
export interface ParallelSteps {
  readonly active: number;
  /** Could start, but for the limit. */
  readonly queued: number;
  /** The limit of each workflow. */
  readonly max: number;
}

/** Each workflow and step is counted once per transition; a repetition after a crash is possible, a loss too. */
export interface WorkflowMetrics {
  workflowStarted(engine: Engine): void;
  workflowFinished(workflow: FinishedWorkflow): void;
  stepFinished(step: FinishedStep): void;
  parallelSteps(steps: ParallelSteps): void;
}
