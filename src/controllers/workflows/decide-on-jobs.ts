/**
 * The Job engine: one ActionExecution for each step, as soon as all that it depends on is completed and there is room. What
 * the ActionExecutions say of themselves is the steps' status. After a failure what runs is let finish and nothing else
 * begins, as Tekton has it. Pure.
 */
import { defined } from '../../kernel/defined.ts';
import { actionExecution } from '../../workflow/action-execution.ts';
import { withBoundedOutputs } from '../../workflow/bounded-outputs.ts';
import { kinds } from '../../workflow/kinds.ts';
import type { ActionStatus, StepPhase, StepStatus, WorkflowStatus, WorkflowStep } from '../../workflow/model.ts';
import { readySteps } from '../../workflow/ready-steps.ts';
import { imageOf, removed, setBack, stepsWithoutImage } from './blame-step.ts';
import type { Act, Decision } from './decision.ts';
import { complete, letFinish, stop, whyWholeFails } from './end-on-jobs.ts';
import { goingOn, isFailure, phasesOf, removalGraceMs, type JobsUnderWay } from './jobs-under-way.ts';

export function decideOnJobs(observed: JobsUnderWay): Decision {
  const { workflow, now } = observed;
  const steps = workflow.steps.map((step, index) => look(observed, step, index));
  const whole = whyWholeFails(observed);
  if (whole !== undefined) return stop(observed, steps, whole);
  if (steps.every(({ phase }) => phase === 'Completed')) return complete(observed, steps);
  if (steps.some(isFailure)) return letFinish(observed, steps);
  const unfit = observed.status.phase === 'Initializing' ? stepsWithoutImage(observed, steps) : [];
  if (unfit.length > 0) return letFinish(observed, replaced(steps, unfit));
  const next = start(observed, steps, now);
  return next.some(isFailure) ? letFinish(observed, next) : goOn(observed, steps, next);
}

// ---- what the steps are doing

function look(observed: JobsUnderWay, step: WorkflowStep, index: number): StepStatus {
  const before = observed.status.steps.find(({ name }) => name === step.name) ?? { name: step.name, phase: 'Pending' };
  if (before.phase !== 'Pending' && before.phase !== 'Running') return before;
  const action = observed.actions.get(step.name);
  if (action !== undefined) return mirrored(before, action.status, index, observed.now);
  const setback = setBack(observed, step, index);
  if (setback !== undefined) return setback;
  if (before.phase === 'Pending' || (observed.missingMs.get(step.name) ?? 0) < removalGraceMs) return before;
  return removed(observed, before, index);
}

const stepPhases: Readonly<Record<ActionStatus['phase'], StepPhase>> = {
  '': 'Running',
  Pending: 'Running',
  Running: 'Running',
  Completed: 'Completed',
  Failed: 'Failed',
  Cancelled: 'Cancelled',
};

function mirrored(before: StepStatus, action: ActionStatus, index: number, now: Date): StepStatus {
  const phase = stepPhases[action.phase];
  const { failureDetails } = action;
  const hasEnded = phase !== 'Running';
  return {
    name: before.name,
    phase,
    startedAt: action.startedAt ?? before.startedAt ?? now.toISOString(),
    ...(hasEnded && { completedAt: action.completedAt ?? before.completedAt ?? now.toISOString() }),
    ...defined('executionName', action.executionName),
    ...defined('podName', action.podName),
    ...defined('image', action.image),
    ...defined('signers', action.signers),
    ...defined('contract', action.contract),
    ...defined('attempts', action.attempts),
    ...defined('outputs', action.outputs),
    ...defined('message', action.message),
    ...(failureDetails !== undefined && {
      failureDetails: { ...failureDetails, failedStepName: before.name, failedTaskIndex: index },
    }),
  };
}

function replaced(steps: readonly StepStatus[], by: readonly StepStatus[]): readonly StepStatus[] {
  const others = new Map(by.map((step) => [step.name, step]));
  return steps.map((step) => others.get(step.name) ?? step);
}

// ---- what begins

/** The steps that can begin are Running, or Failed where nobody knows their image. */
function start({ workflow, settings, registry, ...observed }: JobsUnderWay, steps: readonly StepStatus[], now: Date) {
  if (workflow.suspend) return steps;
  const ready = readySteps(workflow.steps, phasesOf(steps), settings.maxParallelSteps);
  const begun = ready.map(({ name }): StepStatus => ({ name, phase: 'Running', startedAt: now.toISOString() }));
  const unfit = stepsWithoutImage({ ...observed, workflow, settings, registry }, begun);
  return replaced(steps, unfit.length > 0 ? unfit : begun);
}

function goOn(observed: JobsUnderWay, before: readonly StepStatus[], steps: readonly StepStatus[]): Decision {
  const { workflow, claim, status } = observed;
  const phases = phasesOf(before);
  const begun = workflow.steps.filter(
    ({ name }, index) => phases.get(name) === 'Pending' && steps[index]?.phase === 'Running',
  );
  const isExecuting = status.phase === 'Executing' || steps.some(({ phase }) => phase !== 'Pending');
  const needsClaim = claim !== undefined && claim.existing === undefined && status.phase === 'Initializing';
  const claimName = claim?.object.metadata.name;
  const acts: readonly Act[] = [
    ...(needsClaim && begun.length > 0 ? [{ kind: 'create', object: claim.object, as: kinds.claim } as const] : []),
    ...begun.map((step) => creation(observed, step, claimName)),
  ];
  const next: WorkflowStatus = {
    ...status,
    phase: isExecuting ? 'Executing' : 'Initializing',
    message: messageOf(observed, isExecuting),
    steps: withBoundedOutputs(steps),
    ...(isExecuting && defined('workspacePVC', claimName)),
  };
  return goingOn(observed, acts, next);
}

function messageOf({ workflow, status }: JobsUnderWay, isExecuting: boolean): string {
  if (workflow.suspend)
    return 'Suspended: what runs is let finish, and nothing else starts until spec.suspend is false';
  return isExecuting ? 'All steps created, monitoring execution' : status.message;
}

function creation({ workflow, registry }: JobsUnderWay, step: WorkflowStep, claimName: string | undefined): Act {
  const image = imageOf(step, registry);
  const object = actionExecution(workflow, step, image.ok ? image.value : '', claimName);
  return { kind: 'create', object, as: kinds.action };
}
