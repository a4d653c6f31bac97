/** Why a workflow on Tekton failed as a whole. Pure. */
import { failureDetails } from '../../workflow/failure-details.ts';
import { refusalIn } from '../../workflow/refusals.ts';
import type { Condition } from '../../workflow/task-run.ts';
import type { Setback } from '../runtime/answers.ts';
import type { WholeFailure } from './workflow-failure.ts';

export const cancelled: WholeFailure = {
  reason: 'Cancelled',
  message: 'spec.cancel is true',
  sentence: 'was cancelled: what ran was stopped, and nothing else was started.',
};

export function tooLong(timeoutMs: number): WholeFailure {
  const seconds = timeoutMs / 1_000;
  return {
    reason: 'DeadlineExceeded',
    message: `spec.timeout of ${seconds} s is over`,
    sentence: `took longer than its spec.timeout of ${seconds} s: what ran was stopped; look which step is slow, or raise the timeout.`,
  };
}

export function runRemoved(name: string): WholeFailure {
  return {
    reason: 'ExecutionRemoved',
    message: `its PipelineRun ${name} was removed while it ran`,
    sentence: `did not complete: its PipelineRun was removed while it ran; look how far it came, then create it again.`,
  };
}

export function tektonRemoved(wasCreated: boolean): WholeFailure {
  const message = 'the cluster does not have the kinds of Tekton (tekton.dev/v1) any more';
  return {
    reason: 'UnsupportedEngine',
    message,
    sentence: wasCreated
      ? `did not complete: Tekton was removed from the cluster while it ran; look how far it came, then create it again: without Tekton it runs on Jobs.`
      : `was not started: ${message}; create it again: without Tekton it runs on Jobs.`,
  };
}

/** The PipelineRun could not be created. */
export function notCreated(setback: Setback): WholeFailure {
  const what = `PipelineRun ${setback.place.name}`;
  if (setback.kind === 'taken') {
    return {
      reason: 'NameTaken',
      message: `${what} belongs to ${setback.owner}`,
      sentence: `was not started: ${what} belongs to ${setback.owner}; remove that, or create the workflow with another name.`,
    };
  }
  const { status, message } = setback;
  return {
    reason: status === 403 ? 'Forbidden' : 'InvalidSpec',
    message,
    sentence: `was not started: its PipelineRun was refused (${status}: ${message}); correct that and create the workflow again.`,
  };
}

/** Where no step of it is to blame: Tekton could not begin, or somebody has ended it. */
export function runFailure(condition: Condition): WholeFailure {
  const refusal = refusalIn(condition.message);
  const { reason, message } = failureDetails({
    step: '',
    failedAt: '',
    condition,
    ...(refusal !== undefined && { refusal }),
  });
  return {
    reason,
    message,
    sentence: `failed: Tekton says of its PipelineRun ${condition.reason}: ${condition.message}`,
  };
}
