/**
 * The Tekton engine: every image is proven, then one PipelineRun runs all steps, and what it and its TaskRuns say is the
 * steps' status. How many run at a time is Tekton's matter, and a run that has begun cannot be suspended. Pure.
 */
import { defined } from '../../kernel/defined.ts';
import type { KubeObject } from '../../kernel/kube-object.ts';
import type { Result } from '../../kernel/result.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { ProvenAction } from '../../ports/actions.ts';
import { timeoutOf } from '../../workflow/action-job.ts';
import { withBoundedOutputs } from '../../workflow/bounded-outputs.ts';
import { kinds } from '../../workflow/kinds.ts';
import type { StepStatus, WorkflowStatus } from '../../workflow/model.ts';
import { mirrorPipelineRun, removedStep, type MirroredRun } from '../../workflow/pipeline-mirror.ts';
import { removalGraceMs } from './jobs-under-way.ts';
import type { Act, Decision } from './decision.ts';
import { remainingMs, type UnderWay } from './engine.ts';
import { beginOnTekton } from './tekton-begin.ts';
import { cancelled, runFailure, runRemoved, tektonRemoved, tooLong } from './tekton-failures.ts';
import { trackingOf } from './tracking-actions.ts';
import { provenOf, type TektonUnderWay } from './tekton-under-way.ts';
import { ending, firstFailure, wholeFailure, type WholeFailure } from './workflow-failure.ts';

/** An upgrade of Tekton replaces its definitions, it does not remove them. */
const servedGraceMs = 30_000;

export function decideOnTekton(observed: TektonUnderWay): Decision {
  const { status, pipelineRun, isServed, workflow } = observed;
  if (pipelineRun !== undefined) return follow(observed, pipelineRun, mirrorOf(observed, pipelineRun));
  const wasCreated = status.executionRef !== undefined;
  if (wasCreated && isServed) return removed(observed, runRemoved(workflow.name), removalGraceMs);
  const begun = wasCreated ? undefined : beginOnTekton(observed);
  return begun ?? removed(observed, tektonRemoved(wasCreated), servedGraceMs);
}

/** Also for whoever has to say for how long something is unclear. */
export function mirrorOf(
  observed: Omit<TektonUnderWay, 'unclearMs' | 'absentMs' | 'unprovenMs'>,
  pipelineRun: KubeObject,
): MirroredRun {
  const { workflow, status, settings, proofs, now } = observed;
  const steps = status.steps.map((step) => withProof(step, proofs));
  return mirrorPipelineRun(
    { pipelineRun, taskRuns: observed.taskRuns, pods: observed.pods, logs: observed.logs },
    workflow,
    { steps, timeoutOf: (step) => timeoutOf(step, contractIn(proofs.get(step.name)), settings) },
    now,
  );
}

function contractIn(proof: Result<ProvenAction> | undefined): ProvenAction['contract'] {
  return proof?.ok === true ? proof.value.contract : undefined;
}

/** What was proven and then not written, because the process ended in between, is proven once more. */
function withProof(step: StepStatus, proofs: TektonUnderWay['proofs']): StepStatus {
  const proof = proofs.get(step.name);
  return proof?.ok === true && step.image === undefined ? { ...step, ...provenOf(proof.value) } : step;
}

// ---- a run that is there

function follow(observed: TektonUnderWay, pipelineRun: KubeObject, mirrored: MirroredRun): Decision {
  const steps = mirrored.steps.map((step, index) => settled(observed, mirrored, step, index));
  const open = mirrored.unclear.filter((name) => (observed.unclearMs.get(name) ?? 0) < removalGraceMs);
  const { creations, mirrors } = trackingOf(observed, steps);
  const isOpen = mirrored.outcome === 'going-on' || open.length > 0 || creations.length > 0;
  const next = isOpen ? goOn(observed, pipelineRun, mirrored, steps, open) : ended(observed, mirrored, steps);
  return { ...next, acts: [...creations, ...mirrors, ...next.acts] };
}

function ended(observed: TektonUnderWay, mirrored: MirroredRun, steps: readonly StepStatus[]): Decision {
  if (mirrored.outcome === 'succeeded' && steps.every(({ phase }) => phase === 'Completed')) {
    return end(observed, { phase: 'Completed', message: 'All steps completed', steps });
  }
  return failWith(observed, steps, whyRunFailed(observed, mirrored));
}

/** After its grace a step that is unclear is what the run says that it is. */
function settled(observed: TektonUnderWay, mirrored: MirroredRun, step: StepStatus, index: number): StepStatus {
  const isOver = (observed.unclearMs.get(step.name) ?? 0) >= removalGraceMs;
  const asked = observed.workflow.steps[index];
  if (!mirrored.unclear.includes(step.name) || !isOver || asked === undefined) return step;
  const { workflow, now } = observed;
  if (mirrored.outcome === 'succeeded') return { ...step, phase: 'Completed', completedAt: now.toISOString() };
  const of = { step: asked, index, workflow: workflow.name, before: step, now };
  return removedStep(of, 'its TaskRun was removed while it ran');
}

function goOn(
  observed: TektonUnderWay,
  pipelineRun: KubeObject,
  { outcome }: MirroredRun,
  steps: readonly StepStatus[],
  open: readonly string[],
): Decision {
  const { workflow, status, claims, unclearMs, now } = observed;
  const isRemoved = steps.some(({ failureDetails }) => failureDetails?.reason === 'ExecutionRemoved');
  const isTooLong = remainingMs(workflow, status, now) === 0;
  const hasToStop = outcome === 'going-on' && (workflow.cancel || isRemoved || isTooLong);
  const claim = claims[0]?.metadata.name;
  const next: WorkflowStatus = {
    ...status,
    phase: 'Executing',
    message: messageOf(observed, steps, hasToStop),
    executionRef: { kind: kinds.pipelineRun.kind, name: pipelineRun.metadata.name },
    steps: withBoundedOutputs(steps),
    ...defined('workspacePVC', status.workspacePVC ?? claim),
  };
  const waits = open.map((name) => removalGraceMs - (unclearMs.get(name) ?? 0));
  const times = [remainingMs(workflow, status, now) ?? 0, ...waits].filter((ms) => ms > 0);
  const acts: readonly Act[] = [...(hasToStop ? stopping(pipelineRun) : []), { kind: 'status', status: next }];
  return times.length === 0 ? { acts } : { acts, requeueAfterMs: Math.min(...times) };
}

/** Tekton lets nothing else be changed in a run that has begun. tekton.dev/v1 PipelineRunSpec.status */
function stopping(pipelineRun: KubeObject): readonly Act[] {
  const { name, namespace, uid } = pipelineRun.metadata;
  if (asRecord(pipelineRun['spec'])?.['status'] === 'Cancelled') return [];
  const place = { kind: kinds.pipelineRun, name, ...defined('namespace', namespace) };
  return [{ kind: 'patch', place, patch: { metadata: { uid }, spec: { status: 'Cancelled' } } }];
}

function messageOf({ workflow }: UnderWay, steps: readonly StepStatus[], hasToStop: boolean): string {
  if (hasToStop) return 'Stopping what runs: its PipelineRun is cancelled';
  const failed = steps.find(({ phase }) => phase === 'Failed' || phase === 'Cancelled');
  if (failed !== undefined) {
    return `Step ${failed.name} did not complete: what runs is let finish, and nothing else starts`;
  }
  if (workflow.suspend) return 'spec.suspend comes too late: Tekton cannot suspend a run that has begun';
  return 'PipelineRun created, monitoring execution';
}

// ---- how it ends

function whyRunFailed({ workflow, status, now }: TektonUnderWay, { condition }: MirroredRun): WholeFailure {
  if (workflow.cancel) return cancelled;
  const isTooLong = remainingMs(workflow, status, now) === 0 || condition.reason === 'PipelineRunTimeout';
  if (isTooLong && workflow.timeoutMs !== undefined) return tooLong(workflow.timeoutMs);
  return runFailure(condition);
}

/** Of what was there before nobody knows how it went on. */
function removed(observed: TektonUnderWay, why: WholeFailure, graceMs: number): Decision {
  const { status, workflow, absentMs, now } = observed;
  if (absentMs < graceMs) return { acts: [], requeueAfterMs: graceMs - absentMs };
  const asked = new Map(workflow.steps.map((step, index) => [step.name, { step, index }]));
  const steps = status.steps.map((before) => {
    const found = asked.get(before.name);
    if (before.phase !== 'Running' || found === undefined) return before;
    return removedStep({ ...found, workflow: workflow.name, before, now }, why.message);
  });
  if (steps.every(({ phase }) => phase === 'Completed')) {
    return end(observed, { phase: 'Completed', message: 'All steps completed', steps });
  }
  const failureDetails = wholeFailure(workflow.name, why, now);
  const isOfStep = steps.some(({ phase }) => phase === 'Failed');
  return fail(observed, steps, { ...failureDetails, wasExecutionFailure: isOfStep }, 'Skipped');
}

function failWith(observed: TektonUnderWay, steps: readonly StepStatus[], why: WholeFailure): Decision {
  const ofStep = why.reason === 'Cancelled' && observed.workflow.cancel ? undefined : firstFailure(steps);
  const isStopped = ofStep === undefined && (why.reason === 'Cancelled' || why.reason === 'DeadlineExceeded');
  const details = ofStep ?? wholeFailure(observed.workflow.name, why, observed.now);
  return fail(observed, steps, details, isStopped ? 'Cancelled' : 'Skipped');
}

function fail(
  observed: TektonUnderWay,
  steps: readonly StepStatus[],
  failureDetails: NonNullable<WorkflowStatus['failureDetails']>,
  phase: 'Skipped' | 'Cancelled',
): Decision {
  const message = failureDetails.naturalLanguageSummary;
  return end(observed, { phase: 'Failed', message, steps: ending(steps, phase), failureDetails });
}

/** With the claim of its workspace removed, which Tekton leaves until the run itself is removed. */
function end(
  { status, claims, now }: TektonUnderWay,
  how: Pick<WorkflowStatus, 'phase' | 'message' | 'steps' | 'failureDetails'>,
): Decision {
  const { workspacePVC: _, ...rest } = status;
  const next = { ...rest, ...how, steps: withBoundedOutputs(how.steps), completedAt: now.toISOString() };
  return { acts: [...claims.flatMap(removal), { kind: 'status', status: next }] };
}

function removal({ metadata: { name, namespace, uid, deletionTimestamp } }: KubeObject): readonly Act[] {
  if (deletionTimestamp !== undefined) return [];
  return [{ kind: 'remove', place: { kind: kinds.claim, name, ...defined('namespace', namespace) }, uid }];
}
