/** Whether the PipelineRun of a workflow may be created now. Pure. */
import { kindOf, quoted, type Failure } from '../../kernel/failure.ts';
import type { ProvenAction } from '../../ports/actions.ts';
import { workspaceProblem } from '../../workflow/action-job.ts';
import { failureDetails, type WhatIsKnown } from '../../workflow/failure-details.ts';
import { kinds } from '../../workflow/kinds.ts';
import { metaTask } from '../../workflow/meta-task.ts';
import {
  names,
  type FailureDetails,
  type StepStatus,
  type WorkflowStatus,
  type WorkflowStep,
} from '../../workflow/model.ts';
import { pipelineRunOf } from '../../workflow/pipeline-run.ts';
import { stepsWithoutImage } from './blame-step.ts';
import type { Act, Decision } from './decision.ts';
import { remainingMs } from './engine.ts';
import { cancelled, notCreated, tooLong } from './tekton-failures.ts';
import { provenOf, type TektonUnderWay } from './tekton-under-way.ts';
import { ending, firstFailure, wholeFailure, type WholeFailure } from './workflow-failure.ts';

const unavailableMs = 10_000;

/** Undefined: it cannot, because Tekton is not there. */
export function beginOnTekton(observed: TektonUnderWay): Decision | undefined {
  const { workflow, status } = observed;
  const whole = whyNotAtAll(observed);
  if (whole !== undefined) return refuse(observed, status.steps, whole);
  if (workflow.suspend) return waitFor(observed, 'Suspended: nothing starts until spec.suspend is false');
  if (!observed.isServed || observed.setbacks.some(isMissingKind)) return undefined;
  const failed = [...stepsWithoutImage(observed, status.steps), ...workflow.steps.flatMap(refusedStep(observed))];
  const blame = firstFailure(failed);
  if (blame !== undefined) return failSteps(observed, failed, blame);
  const open = workflow.steps.map(({ name }) => observed.proofs.get(name)).find((proof) => proof?.ok !== true);
  if (open?.ok === false) return waitForProof(observed, open.failure);
  const proven = workflow.steps.flatMap((step) => {
    const proof = observed.proofs.get(step.name);
    return proof?.ok === true ? [{ step, proof: proof.value }] : [];
  });
  // Asked for in the same round as the decision: one that is missing was asked for when something else was the case.
  return proven.length < workflow.steps.length ? waitFor(observed, status.message) : create(observed, proven);
}

function whyNotAtAll({ workflow, status, setbacks, now }: TektonUnderWay): WholeFailure | undefined {
  if (workflow.cancel) return { ...cancelled, sentence: 'was cancelled before any step of it was started.' };
  if (remainingMs(workflow, status, now) === 0) return tooLong(workflow.timeoutMs ?? 0);
  const setback = setbacks.find((one) => one.place.kind === kinds.pipelineRun && !isMissingKind(one));
  return setback === undefined ? undefined : notCreated(setback);
}

function isMissingKind(setback: TektonUnderWay['setbacks'][number]): boolean {
  return setback.kind === 'refused' && setback.status === 404 && setback.place.kind === kinds.pipelineRun;
}

// ---- what was proven

/** Nothing of a workflow runs when one of its images may not. */
function refusedStep(observed: TektonUnderWay): (step: WorkflowStep, index: number) => readonly StepStatus[] {
  return (step, index) => {
    const { workflow, settings, unprovenMs, now } = observed;
    // As long as on Jobs, where the step itself waits.
    const mayPass = unprovenMs < (step.timeoutMs ?? settings.stepTimeoutMs);
    const why = whyRefused(step, observed.proofs.get(step.name), mayPass);
    if (why === undefined) return [];
    const details = failureDetails({
      step: step.name,
      stepIndex: index,
      workflow: workflow.name,
      failedAt: now.toISOString(),
      ...why,
    });
    const completedAt = now.toISOString();
    return [{ name: step.name, phase: 'Failed', completedAt, message: details.message, failureDetails: details }];
  };
}

type Proof = NonNullable<ReturnType<TektonUnderWay['proofs']['get']>>;

function whyRefused(step: WorkflowStep, proof: Proof | undefined, mayPass: boolean): Partial<WhatIsKnown> | undefined {
  if (proof === undefined) return undefined;
  const image = step.image === undefined ? {} : { image: step.image };
  if (!proof.ok)
    return mayPass && kindOf(proof.failure) === 'unavailable' ? undefined : { ...image, refusal: proof.failure };
  const { contract } = proof.value;
  const message = contract === undefined ? undefined : workspaceProblem(contract, step.usesWorkspace);
  return message === undefined ? undefined : { ...image, refusal: { code: 'CONTRACT_CONFLICT', message } };
}

function failSteps(observed: TektonUnderWay, failed: readonly StepStatus[], blame: FailureDetails): Decision {
  const byName = new Map(failed.toReversed().map((step) => [step.name, step]));
  const steps = observed.status.steps.map((step) => byName.get(step.name) ?? step);
  return ended(observed, ending(steps, 'Skipped'), blame);
}

function waitForProof(observed: TektonUnderWay, { message, retryAfterSeconds }: Failure): Decision {
  const waiting = waitFor(observed, `Waiting until images can be proven: ${quoted(message, 1_000)}`);
  return { ...waiting, requeueAfterMs: retryAfterSeconds === undefined ? unavailableMs : retryAfterSeconds * 1_000 };
}

function waitFor({ workflow, status, now }: TektonUnderWay, message: string): Decision {
  const remains = remainingMs(workflow, status, now);
  const acts: readonly Act[] = [{ kind: 'status', status: { ...status, message } }];
  return remains === undefined ? { acts } : { acts, requeueAfterMs: remains };
}

function refuse(observed: TektonUnderWay, steps: readonly StepStatus[], why: WholeFailure): Decision {
  const isStopped = why.reason === 'Cancelled' || why.reason === 'DeadlineExceeded';
  const details = wholeFailure(observed.workflow.name, why, observed.now);
  return ended(observed, ending(steps, isStopped ? 'Cancelled' : 'Skipped'), details);
}

function ended(
  { status, now }: TektonUnderWay,
  steps: readonly StepStatus[],
  failureDetails: FailureDetails,
): Decision {
  const message = failureDetails.naturalLanguageSummary;
  const next = { ...status, phase: 'Failed', message, steps, failureDetails, completedAt: now.toISOString() } as const;
  return { acts: [{ kind: 'status', status: next }] };
}

// ---- the run

interface Proven {
  readonly step: WorkflowStep;
  readonly proof: ProvenAction;
}

function create(observed: TektonUnderWay, proven: readonly Proven[]): Decision {
  const { workflow, status, settings } = observed;
  const steps = proven.map(({ step, proof }) => ({ step, ...proof }));
  const pipelineRun = pipelineRunOf(workflow, steps, settings);
  const byName = new Map(proven.map(({ step, proof }) => [step.name, provenOf(proof)]));
  const next: WorkflowStatus = {
    ...status,
    phase: 'Executing',
    message: 'PipelineRun created, monitoring execution',
    executionRef: { kind: kinds.pipelineRun.kind, name: pipelineRun.metadata.name },
    steps: status.steps.map((step) => ({ ...step, ...byName.get(step.name) })),
  };
  return {
    acts: [
      ...taskOf(observed),
      { kind: 'create', object: pipelineRun, as: kinds.pipelineRun },
      { kind: 'status', status: next },
    ],
  };
}

/** One that is there is used, whoever made it; where it may not be made, Tekton says whether it was missing. */
function taskOf({ workflow, hasTask, setbacks }: TektonUnderWay): readonly Act[] {
  const wasTried = setbacks.some(({ place }) => place.kind === kinds.task && place.name === names.metaTask);
  return hasTask || wasTried ? [] : [{ kind: 'create', object: metaTask(workflow.namespace), as: kinds.task }];
}
