/**
 * What the two engines have in common: each looks at what it has made for a workflow and says what comes next. Whatever
 * follows from the difference between two statuses (conditions, history, events, metrics) is added by the reconciler, the
 * same for both; an engine only says what is to be created, and what the steps are doing now.
 */
import type { KubeObject } from '../../kernel/kube-object.ts';
import type { Result } from '../../kernel/result.ts';
import type { ActionRegistry, Workflow, WorkflowSettings, WorkflowStatus } from '../../workflow/model.ts';
import type { Setback } from '../runtime/answers.ts';
import type { Decision } from './decision.ts';

/** A workflow that was initialized and is not finished, as it is known at the beginning of a decision. */
export interface UnderWay {
  readonly workflow: Workflow;
  /** As the cluster has it, for its resourceVersion. */
  readonly object: KubeObject;
  /** Phase Initializing or Executing. */
  readonly status: WorkflowStatus;
  readonly settings: WorkflowSettings;
  readonly registry: ActionRegistry;
  /** Of this round. */
  readonly setbacks: readonly Setback[];
  readonly now: Date;
}

export interface WorkflowEngine {
  /**
   * Observes and decides; never writes. The status of the decision is whole, but for conditions and observedGeneration:
   * these are written by the reconciler, which drops a status that changes nothing. `record`, and `tell` about phases and
   * steps, are added by the reconciler as well. Failures of kind "unavailable" are tried again.
   */
  decide(underWay: UnderWay, signal: AbortSignal): Promise<Result<Decision>>;
}

/** Of the whole run. 0: it is over; absent: there is no end. */
export function remainingMs(
  { timeoutMs }: Pick<Workflow, 'timeoutMs'>,
  { startedAt }: Pick<WorkflowStatus, 'startedAt'>,
  now: Date,
): number | undefined {
  if (timeoutMs === undefined || startedAt === undefined) return undefined;
  return Math.max(0, Date.parse(startedAt) + timeoutMs - now.getTime());
}
