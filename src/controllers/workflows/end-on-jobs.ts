/** How a workflow on Jobs ends: what runs is stopped or let finish, and its claim is removed whatever became of it. Pure. */
import { defined } from '../../kernel/defined.ts';
import { withBoundedOutputs } from '../../workflow/bounded-outputs.ts';
import { kinds } from '../../workflow/kinds.ts';
import type { StepStatus, WorkflowStatus } from '../../workflow/model.ts';
import { unreachableSteps } from '../../workflow/ready-steps.ts';
import type { Act, Decision } from './decision.ts';
import { remainingMs } from './engine.ts';
import { goingOn, isFailure, isRunning, phasesOf } from './jobs-under-way.ts';
import type { JobsUnderWay, StepAction } from './jobs-under-way.ts';
import { ending, firstFailure, wholeFailure, type WholeFailure } from './workflow-failure.ts';

export function whyWholeFails({ workflow, status, claim, setbacks, now }: JobsUnderWay): WholeFailure | undefined {
  if (workflow.cancel) return cancelled;
  if (remainingMs(workflow, status, now) === 0) return tooLong(workflow.timeoutMs ?? 0);
  const setback = setbacks.find(
    ({ place }) => place.kind === kinds.claim && place.name === claim?.object.metadata.name,
  );
  if (setback === undefined) return undefined;
  const what = `the claim ${setback.place.name} of its workspace`;
  return setback.kind === 'taken'
    ? {
        reason: 'NameTaken',
        message: `PersistentVolumeClaim ${setback.place.name} belongs to ${setback.owner}`,
        sentence: `was not started: ${what} belongs to ${setback.owner}; remove that, or create the workflow with another name.`,
      }
    : {
        reason: 'WorkspaceUnavailable',
        message: setback.message,
        sentence: `was not started: ${what} was refused (${setback.message}); correct that and create the workflow again.`,
      };
}

const cancelled: WholeFailure = {
  reason: 'Cancelled',
  message: 'spec.cancel is true',
  sentence: 'was cancelled: what ran was stopped, and nothing else was started.',
};

function tooLong(timeoutMs: number): WholeFailure {
  const seconds = timeoutMs / 1_000;
  return {
    reason: 'DeadlineExceeded',
    message: `spec.timeout of ${seconds} s is over`,
    sentence: `took longer than its spec.timeout of ${seconds} s: what ran was stopped; look which step is slow, or raise the timeout.`,
  };
}

/** What runs is stopped, and waited for. */
export function stop(observed: JobsUnderWay, steps: readonly StepStatus[], why: WholeFailure): Decision {
  if (steps.every(({ phase }) => phase === 'Completed')) return complete(observed, steps);
  if (!steps.some(isRunning)) {
    const phase = why.reason === 'Cancelled' || why.reason === 'DeadlineExceeded' ? 'Cancelled' : 'Skipped';
    return failWith(observed, ending(steps, phase), wholeFailure(observed.workflow.name, why, observed.now));
  }
  const acts = steps.filter(isRunning).flatMap(({ name }) => cancelling(observed.actions.get(name)));
  const message = `Stopping what runs: ${why.message}`;
  return goingOn(observed, acts, { ...observed.status, message, steps: withBoundedOutputs(steps) });
}

function cancelling(action: StepAction | undefined): readonly Act[] {
  if (action === undefined || action.isCancelled) return [];
  const { name, namespace, uid } = action.object.metadata;
  const place = { kind: kinds.action, name, ...defined('namespace', namespace) };
  return [{ kind: 'patch', place, patch: { metadata: { uid }, spec: { cancel: true } } }];
}

/** After a failure: what depends on it is skipped at once, and the rest when nothing runs any more. */
export function letFinish(observed: JobsUnderWay, steps: readonly StepStatus[]): Decision {
  const { workflow, status, now } = observed;
  if (steps.some(isRunning)) {
    const unreachable = new Set(unreachableSteps(workflow.steps, phasesOf(steps)).map(({ name }) => name));
    const known = steps.map((step): StepStatus => (unreachable.has(step.name) ? { ...step, phase: 'Skipped' } : step));
    const message = `Step ${steps.find(isFailure)?.name ?? ''} did not complete: what runs is let finish, and nothing else starts`;
    return goingOn(observed, [], { ...status, message, steps: withBoundedOutputs(known) });
  }
  const one = steps.findIndex(({ phase }) => phase === 'Cancelled');
  const failureDetails = firstFailure(steps) ?? {
    ...wholeFailure(workflow.name, stepCancelled(steps[one]?.name ?? ''), now),
    failedStepName: steps[one]?.name ?? '',
    failedTaskIndex: one,
  };
  return failWith(observed, ending(steps, 'Skipped'), failureDetails);
}

function stepCancelled(step: string): WholeFailure {
  const message = `the ActionExecution of step ${step} was cancelled`;
  return { reason: 'Cancelled', message, sentence: `did not complete: ${message}.` };
}

function failWith(
  observed: JobsUnderWay,
  steps: readonly StepStatus[],
  failureDetails: NonNullable<WorkflowStatus['failureDetails']>,
): Decision {
  return end(observed, { phase: 'Failed', message: failureDetails.naturalLanguageSummary, steps, failureDetails });
}

export function complete(observed: JobsUnderWay, steps: readonly StepStatus[]): Decision {
  return end(observed, { phase: 'Completed', message: 'All steps completed', steps });
}

/** With the claim of its workspace removed: `workspacePVC` names one only while it is there. */
function end(
  observed: JobsUnderWay,
  how: Pick<WorkflowStatus, 'phase' | 'message' | 'steps' | 'failureDetails'>,
): Decision {
  const { status, now } = observed;
  const { workspacePVC: _, ...rest } = status;
  const next = { ...rest, ...how, steps: withBoundedOutputs(how.steps), completedAt: now.toISOString() };
  return { acts: [...removal(observed), { kind: 'status', status: next }] };
}

function removal({ workflow, claim }: JobsUnderWay): readonly Act[] {
  const metadata = claim?.existing?.metadata;
  if (metadata === undefined || metadata.deletionTimestamp !== undefined) return [];
  const place = { kind: kinds.claim, namespace: workflow.namespace, name: metadata.name };
  return [{ kind: 'remove', place, uid: metadata.uid }];
}
