/** Why a workflow as a whole failed, where no step of it is to blame. Pure. */
import { quoted } from '../../kernel/failure.ts';
import type { FailureDetails, FailureReason, StepStatus, WorkflowStep } from '../../workflow/model.ts';

export interface WholeFailure {
  readonly reason: FailureReason;
  /** As it was found. */
  readonly message: string;
  /** Ends the sentence "Workflow x …". */
  readonly sentence: string;
}

export function wholeFailure(name: string, { reason, message, sentence }: WholeFailure, now: Date): FailureDetails {
  return {
    reason,
    message: quoted(message, 4_000),
    failedAt: now.toISOString(),
    naturalLanguageSummary: `Workflow ${quoted(name, 63)} ${sentence}`,
    wasExecutionFailure: false,
  };
}

/** Of the step that failed first; of those that failed at once the first in the list. */
export function firstFailure(steps: readonly StepStatus[]): FailureDetails | undefined {
  const failures = steps.flatMap(({ failureDetails, phase }) =>
    failureDetails !== undefined && phase === 'Failed' ? [failureDetails] : [],
  );
  return failures.toSorted((a, b) => Date.parse(a.failedAt) - Date.parse(b.failedAt))[0];
}

export const allPending = (steps: readonly WorkflowStep[]): readonly StepStatus[] =>
  steps.map(({ name }) => ({ name, phase: 'Pending' }));

/** Steps that have not begun will not. */
export function ending(steps: readonly StepStatus[], phase: 'Skipped' | 'Cancelled'): readonly StepStatus[] {
  return steps.map((step) => (step.phase === 'Pending' ? { ...step, phase } : step));
}
