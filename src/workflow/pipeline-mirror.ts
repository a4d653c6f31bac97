/** What a PipelineRun and its TaskRuns say of the workflow that they run. Pure. */
import type { KubeObject } from '../kernel/kube-object.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { failureDetails } from './failure-details.ts';
import type { StepStatus, Workflow, WorkflowStep } from './model.ts';
import { isLogNeeded, mirrorTaskRun, statusOf, succeeded, type Condition, type StepOfRun } from './task-run.ts';

export interface ObservedRun {
  readonly pipelineRun: KubeObject;
  /** Of the PipelineRun. */
  readonly taskRuns: readonly KubeObject[];
  /** Of the TaskRuns. */
  readonly pods: readonly KubeObject[];
  /** What steps have printed, by Pod, where it was asked for. */
  readonly logs?: ReadonlyMap<string, string>;
}

export interface MirroredRun {
  /** Of the PipelineRun: whatever it says of itself. */
  readonly outcome: 'going-on' | 'succeeded' | 'failed';
  readonly condition: Condition;
  readonly steps: readonly StepStatus[];
  /** Steps whose TaskRun is not seen though it ran, or not finished though the run is: it may only be seen late. */
  readonly unclear: readonly string[];
}

/** `timeoutOf`: of a step, as it was given to Tekton. */
export function mirrorPipelineRun(
  observed: ObservedRun,
  workflow: Workflow,
  known: { readonly steps: readonly StepStatus[]; timeoutOf(step: WorkflowStep): number },
  now: Date,
): MirroredRun {
  const { pipelineRun } = observed;
  const condition = succeeded(pipelineRun);
  const outcome = outcomes[condition.status] ?? 'going-on';
  const before = new Map(known.steps.map((step) => [step.name, step]));
  const skipped = skippedIn(pipelineRun);
  const steps = workflow.steps.map((step, index) => {
    const was: StepStatus = before.get(step.name) ?? { name: step.name, phase: 'Pending' };
    const timeoutMs = known.timeoutOf(step);
    const of = { step, index, workflow: workflow.name, timeoutMs, before: was, now };
    return mirrorStep(of, observed, skipped.get(step.name));
  });
  const isEnded = outcome !== 'going-on';
  const unclear = steps.filter(({ name, phase, executionName }) =>
    phase === 'Running'
      ? isEnded || taskRunOf(observed, name) === undefined
      : phase === 'Pending' && executionName === undefined && outcome === 'succeeded',
  );
  return { outcome, condition, steps, unclear: unclear.map(({ name }) => name) };
}

const outcomes: Readonly<Record<string, MirroredRun['outcome']>> = { True: 'succeeded', False: 'failed' };

function mirrorStep(of: StepOfRun, observed: ObservedRun, skipped: string | undefined): StepStatus {
  const { before } = of;
  if (before.phase !== 'Pending' && before.phase !== 'Running') return before;
  const taskRun = taskRunOf(observed, before.name);
  if (taskRun === undefined) {
    return skipped === undefined || before.phase === 'Running'
      ? before
      : { ...before, phase: 'Skipped', message: skipped };
  }
  if (isAnother(before, taskRun))
    return removedStep(of, 'its TaskRun was removed while it ran, and Tekton made another');
  const pod = podOf(observed, taskRun);
  return mirrorTaskRun(of, taskRun, { pod, log: observed.logs?.get(pod?.metadata.name ?? '') });
}

/** Pods whose log has outputs that nothing else has: of steps that have ended, and are not known to have. */
export function podsToRead(
  observed: Pick<ObservedRun, 'taskRuns' | 'pods'>,
  known: readonly StepStatus[],
): readonly { readonly name: string; readonly endedAt: number }[] {
  const open = known.filter(({ phase }) => phase === 'Pending' || phase === 'Running');
  return open.flatMap((step) => {
    const taskRun = taskRunOf(observed, step.name);
    if (taskRun === undefined || isAnother(step, taskRun) || !isLogNeeded(taskRun)) return [];
    const pod = podOf(observed, taskRun);
    const endedAt = Date.parse(String(statusOf(taskRun)['completionTime'])) || 0;
    return pod === undefined ? [] : [{ name: pod.metadata.name, endedAt }];
  });
}

/** Retries are within one TaskRun; one that is younger than the step is a second run of it. */
function isAnother({ phase, startedAt, executionUID }: StepStatus, { metadata }: KubeObject): boolean {
  if (phase !== 'Running' || startedAt === undefined) return false;
  if (executionUID !== undefined) return metadata.uid !== executionUID;
  return Date.parse(metadata.creationTimestamp ?? '') > Date.parse(startedAt);
}

/** Nobody knows how its run went on; it may have done all that it had to. */
export function removedStep(
  { step, index, workflow, before, now }: Omit<StepOfRun, 'timeoutMs'>,
  message: string,
): StepStatus {
  const failedAt = now.toISOString();
  const details = failureDetails({
    step: step.name,
    stepIndex: index,
    workflow,
    failedAt,
    said: { reason: 'ExecutionRemoved', message, advice: 'look how far it came, then create the workflow again' },
  });
  return {
    ...before,
    phase: 'Failed',
    completedAt: failedAt,
    message,
    failureDetails: { ...details, wasExecutionFailure: true },
  };
}

// ---- finding

/** The one that counts is the youngest: names stay, objects may be made again. */
function taskRunOf({ taskRuns }: Pick<ObservedRun, 'taskRuns'>, step: string): KubeObject | undefined {
  return taskRuns
    .filter(({ metadata }) => metadata.labels?.['tekton.dev/pipelineTask'] === step)
    .toSorted((a, b) => creationOf(b) - creationOf(a))[0];
}

function creationOf({ metadata }: KubeObject): number {
  return Date.parse(metadata.creationTimestamp ?? '') || 0;
}

/** Each attempt has a Pod of its own: the one that the TaskRun names now. */
function podOf({ pods }: Pick<ObservedRun, 'pods'>, taskRun: KubeObject): KubeObject | undefined {
  const name = statusOf(taskRun)['podName'];
  return pods.find(
    ({ metadata }) =>
      metadata.name === name && metadata.ownerReferences?.some(({ uid }) => uid === taskRun.metadata.uid) === true,
  );
}

function skippedIn(pipelineRun: KubeObject): ReadonlyMap<string, string> {
  const list = statusOf(pipelineRun)['skippedTasks'];
  const skipped: readonly unknown[] = Array.isArray(list) ? list : [];
  return new Map(
    skipped.map(asRecord).flatMap((one) => {
      const { name, reason } = one ?? {};
      return typeof name === 'string' && typeof reason === 'string' ? [[name, reason] as const] : [];
    }),
  );
}
