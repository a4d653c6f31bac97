/** Why a step of the Job engine failed without its ActionExecution saying so. Pure. */
import { defined } from '../../kernel/defined.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { actionExecutionName } from '../../workflow/action-execution.ts';
import { failureDetails, type WhatIsKnown } from '../../workflow/failure-details.ts';
import { kinds } from '../../workflow/kinds.ts';
import type { ActionRegistry, FailureReason, StepStatus, WorkflowStep } from '../../workflow/model.ts';
import type { UnderWay } from './engine.ts';

type Said = NonNullable<WhatIsKnown['said']>;

/** Written at the step, or else what the registry has for its action; the failure is what to say. */
export function imageOf(
  { image, actionType }: Pick<WorkflowStep, 'image' | 'actionType'>,
  { actions, problems }: ActionRegistry,
): Result<string, Said> {
  if (image !== undefined) return ok(image);
  const reason = 'ConfigurationError';
  if (actionType === undefined) {
    return fail({ reason, message: 'it has neither image nor actionType', advice: 'write one of them' });
  }
  const registered = actions.get(actionType);
  if (registered !== undefined) return ok(registered.image);
  const problem = problems.get(actionType);
  return problem === undefined
    ? fail({
        reason,
        message: `it has no image, and action ${actionType} is not in the action registry`,
        advice: 'write its image, or register the action, then create the workflow again',
      })
    : fail({
        reason,
        message: `the entry of action ${actionType} in the action registry is of no use: ${problem}`,
        advice: 'correct the entry, then create the workflow again',
      });
}

/** Those of them whose image nobody knows, as Failed; they have not begun. */
export function stepsWithoutImage(underWay: UnderWay, steps: readonly StepStatus[]): readonly StepStatus[] {
  const { workflow, registry } = underWay;
  const asked = new Set(
    steps.filter(({ phase }) => phase === 'Pending' || phase === 'Running').map(({ name }) => name),
  );
  return workflow.steps.flatMap((step, index) => {
    const image = imageOf(step, registry);
    return image.ok || !asked.has(step.name)
      ? []
      : [blamed(underWay, { name: step.name, phase: 'Pending' }, index, image.failure)];
  });
}

/** Its ActionExecution could not be created. */
export function setBack(underWay: UnderWay, step: WorkflowStep, index: number): StepStatus | undefined {
  const name = actionExecutionName(underWay.workflow, step);
  const setback = underWay.setbacks.find(({ place }) => place.kind === kinds.action && place.name === name);
  if (setback === undefined) return undefined;
  const before: StepStatus = { name: step.name, phase: 'Pending' };
  if (setback.kind === 'taken') {
    return blamed(underWay, before, index, {
      reason: 'NameTaken',
      message: `ActionExecution ${name} belongs to ${setback.owner}`,
      advice: 'remove that, or create the workflow with another name',
    });
  }
  return blamed(underWay, before, index, {
    reason: reasonOf(setback.status),
    message: `the API server refused its ActionExecution (${setback.status}): ${setback.message}`,
    advice: 'do what the message says, then create the workflow again',
  });
}

function reasonOf(status: number): FailureReason {
  if (status === 403) return 'Forbidden';
  return status === 404 ? 'ConfigurationError' : 'InvalidSpec';
}

/** Nobody knows how its run went on; it may have done all that it had to. */
export function removed(underWay: UnderWay, before: StepStatus, index: number): StepStatus {
  return blamed(underWay, before, index, {
    reason: 'ExecutionRemoved',
    message: 'its ActionExecution was removed while it ran',
    advice: 'look how far it came, then create the workflow again',
  });
}

function blamed({ workflow, now }: UnderWay, before: StepStatus, index: number, said: Said): StepStatus {
  const details = failureDetails({
    step: before.name,
    stepIndex: index,
    workflow: workflow.name,
    failedAt: now.toISOString(),
    said,
  });
  return {
    ...before,
    phase: 'Failed',
    completedAt: now.toISOString(),
    ...defined('message', details.message),
    failureDetails: { ...details, wasExecutionFailure: before.phase === 'Running' },
  };
}
