/**
 * The Job engine: one ActionExecution for each step, as soon as all that it depends on is completed and there is room. What
 * the ActionExecutions say of themselves is the steps' status. After a failure what runs is let finish and nothing else
 * begins, as Tekton has it. Pure.
 */
import { defined } from '../../kernel/defined.ts';
import type { KubeObject, NewObject } from '../../kernel/kube-object.ts';
import { actionExecution } from '../../workflow/action-execution.ts';
import { withBoundedOutputs } from '../../workflow/bounded-outputs.ts';
import { kinds } from '../../workflow/kinds.ts';
import type { ActionStatus, StepPhase, StepStatus, WorkflowStatus, WorkflowStep } from '../../workflow/model.ts';
import { readySteps, unreachableSteps } from '../../workflow/ready-steps.ts';
import { imageOf, removed, setBack, stepsWithoutImage } from './blame-step.ts';
import type { Act, Decision } from './decision.ts';
import type { UnderWay } from './engine.ts';
import { ending, firstFailure, wholeFailure, type WholeFailure } from './workflow-failure.ts';

/** An ActionExecution of this workflow. */
export interface StepAction {
  readonly object: KubeObject;
  readonly status: ActionStatus;
  readonly isCancelled: boolean;
}

export interface JobsUnderWay extends UnderWay {
  /** By step. */
  readonly actions: ReadonlyMap<string, StepAction>;
  /** As it is to be; absent: no step uses the workspace. */
  readonly claim?: { readonly object: NewObject; readonly existing: KubeObject | undefined };
  /** For how long the ActionExecution of a step was looked for and not found, by step, in milliseconds. */
  readonly missingMs: ReadonlyMap<string, number>;
}

/** What is written may be seen late by a process that has just begun to watch. */
export const removalGraceMs = 5_000;

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

const isFailure = ({ phase }: StepStatus): boolean => phase === 'Failed' || phase === 'Cancelled';
const isRunning = ({ phase }: StepStatus): boolean => phase === 'Running';

function phasesOf(steps: readonly StepStatus[]): ReadonlyMap<string, StepPhase> {
  return new Map(steps.map(({ name, phase }) => [name, phase]));
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
  return decision(observed, acts, next);
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

// ---- how it ends

function whyWholeFails({ workflow, status, claim, setbacks, now }: JobsUnderWay): WholeFailure | undefined {
  if (workflow.cancel) return cancelled;
  if (remainingMs(workflow.timeoutMs, status.startedAt, now) === 0) return tooLong(workflow.timeoutMs ?? 0);
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
function stop(observed: JobsUnderWay, steps: readonly StepStatus[], why: WholeFailure): Decision {
  if (steps.every(({ phase }) => phase === 'Completed')) return complete(observed, steps);
  if (!steps.some(isRunning)) {
    const phase = why.reason === 'Cancelled' || why.reason === 'DeadlineExceeded' ? 'Cancelled' : 'Skipped';
    return failWith(observed, ending(steps, phase), wholeFailure(observed.workflow.name, why, observed.now));
  }
  const acts = steps.filter(isRunning).flatMap(({ name }) => cancelling(observed.actions.get(name)));
  const message = `Stopping what runs: ${why.message}`;
  return decision(observed, acts, { ...observed.status, message, steps: withBoundedOutputs(steps) });
}

function cancelling(action: StepAction | undefined): readonly Act[] {
  if (action === undefined || action.isCancelled) return [];
  const { name, namespace, uid } = action.object.metadata;
  const place = { kind: kinds.action, name, ...defined('namespace', namespace) };
  return [{ kind: 'patch', place, patch: { metadata: { uid }, spec: { cancel: true } } }];
}

/** After a failure: what depends on it is skipped at once, and the rest when nothing runs any more. */
function letFinish(observed: JobsUnderWay, steps: readonly StepStatus[]): Decision {
  const { workflow, status, now } = observed;
  if (steps.some(isRunning)) {
    const unreachable = new Set(unreachableSteps(workflow.steps, phasesOf(steps)).map(({ name }) => name));
    const known = steps.map((step): StepStatus => (unreachable.has(step.name) ? { ...step, phase: 'Skipped' } : step));
    const message = `Step ${steps.find(isFailure)?.name ?? ''} did not complete: what runs is let finish, and nothing else starts`;
    return decision(observed, [], { ...status, message, steps: withBoundedOutputs(known) });
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

function complete(observed: JobsUnderWay, steps: readonly StepStatus[]): Decision {
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
  const isOurs = metadata.ownerReferences?.some(({ controller, uid }) => controller === true && uid === workflow.uid);
  if (isOurs !== true) return [];
  const place = { kind: kinds.claim, namespace: workflow.namespace, name: metadata.name };
  return [{ kind: 'remove', place, uid: metadata.uid }];
}

// ---- when to look again

function decision(observed: JobsUnderWay, acts: readonly Act[], status: WorkflowStatus): Decision {
  const times = [
    remainingMs(observed.workflow.timeoutMs, status.startedAt, observed.now) ?? 0,
    ...status.steps
      .filter((step) => isRunning(step) && observed.missingMs.has(step.name))
      .map(({ name }) => removalGraceMs - (observed.missingMs.get(name) ?? 0)),
  ].filter((ms) => ms > 0);
  const all: readonly Act[] = [...acts, { kind: 'status', status }];
  return times.length === 0 ? { acts: all } : { acts: all, requeueAfterMs: Math.min(...times) };
}

/** 0: it is over; absent: there is no end. */
function remainingMs(timeoutMs: number | undefined, startedAt: string | undefined, now: Date): number | undefined {
  if (timeoutMs === undefined || startedAt === undefined) return undefined;
  return Math.max(0, Date.parse(startedAt) + timeoutMs - now.getTime());
}
