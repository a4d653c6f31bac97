/**
 * Why an action failed, in a closed word for machines and one sentence for people: what failed, why, and what to do. From
 * whatever is known: a refusal of the gate, the end of a Pod, what it waited for, the condition of its Job or TaskRun.
 */
import { defined } from '../kernel/defined.ts';
import { kindOf, quoted, type Failure } from '../kernel/failure.ts';
import type { FailureDetails, FailureReason } from './model.ts';
import { cut, ended, stuck, type Told } from './pod-failure.ts';
import type { PodTrouble } from './pod-trouble.ts';
import { reasonOfRefusal } from './refusals.ts';

export interface WhatIsKnown {
  /** Of the step, or of an action that stands alone. */
  readonly step: string;
  readonly stepIndex?: number;
  /** Of the workflow; absent: the action stands alone. */
  readonly workflow?: string;
  readonly failedAt: string;
  readonly image?: string;
  readonly timeoutMs?: number;
  /** Settles it: nobody has to find out. */
  readonly said?: { readonly reason: FailureReason; readonly message: string; readonly advice: string };
  /** Of the gate, before anything was run. */
  readonly refusal?: Failure;
  readonly pod?: PodTrouble;
  /** What it waited for when it was last seen, where the Pod is gone by now. */
  readonly waited?: { readonly reason: string; readonly message: string };
  /** Of the Job or TaskRun, e.g. BackoffLimitExceeded or TaskRunTimeout. */
  readonly condition?: { readonly reason: string; readonly message: string };
}

export function failureDetails(known: WhatIsKnown): FailureDetails {
  const told = tell(known);
  const { reason, message, code, exitCode } = told;
  return {
    reason,
    message,
    ...defined('code', code),
    ...defined('exitCode', exitCode),
    ...(known.workflow === undefined ? {} : { failedStepName: known.step }),
    ...defined('failedTaskIndex', known.stepIndex),
    failedAt: known.failedAt,
    naturalLanguageSummary: sentence(known, told),
    wasExecutionFailure: known.pod?.startedAt !== undefined,
  };
}

function sentence({ step, workflow }: WhatIsKnown, { what, advice }: Told): string {
  const who = workflow === undefined ? `Action ${step}` : `Step ${step} of workflow ${workflow}`;
  return `${who} ${what}; ${advice}.`;
}

function tell(known: WhatIsKnown): Told {
  const { said, refusal, pod, condition } = known;
  if (said !== undefined) return { ...said, what: `did not complete: ${cut(said.message)}` };
  if (refusal !== undefined) return refused(known, refusal);
  // First, since whoever ends it then looks as if it had ended by itself.
  if (isTimeout(known)) return timedOut(known);
  if (pod?.ended !== undefined && pod.ended.how !== 'succeeded') return ended(pod.ended);
  if (pod?.waiting !== undefined) return stuck(known.image, pod.waiting);
  if (condition !== undefined) return conditioned(known, condition);
  return known.waited === undefined ? unknown : stuck(known.image, known.waited);
}

const unknown: Told = {
  reason: 'Unknown',
  message: 'nothing is known of how it ended',
  what: 'failed, and nothing is known of how',
  advice: 'look at the events of its namespace',
};

// ---- refused before it ran

function refused({ image }: WhatIsKnown, failed: Failure): Told {
  const { code, message } = failed;
  const told = { code, message, reason: reasonOfRefusal(failed) };
  const of = image === undefined ? '' : ` of image ${quoted(image, 200)}`;
  if (kindOf(failed) !== 'violation') {
    return {
      ...told,
      what: `was not started, because it could not be established what its image is: ${cut(message)}`,
      advice: 'mend what could not be reached, then create it again',
    };
  }
  return {
    ...told,
    what: `was refused before it ran${of}: ${cut(message)}`,
    advice: `nothing was run, docs/debug-a-refusal.md has what to do about ${code}`,
  };
}

// ---- its time was over

const clearlyTimeouts: ReadonlySet<string> = new Set(['DeadlineExceeded', 'TaskRunTimeout', 'PipelineRunTimeout']);

function isTimeout({ condition, pod }: WhatIsKnown): boolean {
  return clearlyTimeouts.has(condition?.reason ?? '') || pod?.ended?.how === 'timeout';
}

function timedOut(known: WhatIsKnown): Told {
  const { pod, timeoutMs } = known;
  const waited = pod?.waiting ?? known.waited;
  const within = timeoutMs === undefined ? 'in its time' : `within ${duration(timeoutMs)}`;
  if (pod?.startedAt === undefined && waited !== undefined) {
    const told = stuck(known.image, waited);
    return { ...told, what: `${told.what} (not resolved ${within})` };
  }
  return {
    reason: 'DeadlineExceeded',
    message: `it did not end ${within}`,
    what: `did not end ${within} and was stopped`,
    advice: 'give the step a longer timeout, or find out in its log what it waited for',
  };
}

function duration(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds % 3_600 === 0) return `${seconds / 3_600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

// ---- only its Job or TaskRun says something

const byCondition: Readonly<Record<string, { readonly reason: FailureReason; readonly advice: string }>> = {
  PodFailurePolicy: { reason: 'Evicted', advice: 'it may have done part of its work, look before it is run again' },
  // Nothing is known of the Pod that failed: it was deleted.
  BackoffLimitExceeded: { reason: 'ExecutionRemoved', advice: 'leave Pods of actions alone while they run' },
  TaskRunImagePullFailed: { reason: 'ImagePullBackOff', advice: 'check the image and the pull secrets' },
  TaskRunCancelled: { reason: 'Cancelled', advice: 'create it again to run it' },
  PipelineRunCancelled: { reason: 'Cancelled', advice: 'create it again to run it' },
  Cancelled: { reason: 'Cancelled', advice: 'create it again to run it' },
  PodAdmissionFailed: { reason: 'Forbidden', advice: 'docs/debug-a-refusal.md explains refusals' },
  PodCreationFailed: { reason: 'ConfigurationError', advice: 'mend what its message names' },
  TaskRunValidationFailed: { reason: 'ConfigurationError', advice: 'mend what its message names' },
  InvalidParamValue: { reason: 'ConfigurationError', advice: 'mend what its message names' },
  CouldntGetTask: { reason: 'ConfigurationError', advice: 'check that the Task kubernaut-action is there' },
  ExceededNodeResources: { reason: 'ResourceExhausted', advice: 'free resources on the nodes or add one' },
  ExceededResourceQuota: {
    reason: 'ResourceExhausted',
    advice: 'raise the quota of its namespace, or free some of it',
  },
};

function conditioned(
  known: WhatIsKnown,
  { reason, message }: { readonly reason: string; readonly message: string },
): Told {
  const found = Object.hasOwn(byCondition, reason) ? byCondition[reason] : undefined;
  const said = message === '' ? reason : message;
  return {
    reason: found?.reason ?? 'TaskFailed',
    message: quoted(said, 1_024),
    what: `failed (${quoted(reason, 64)}): ${cut(said)}`,
    advice: found?.advice ?? (known.pod === undefined ? 'look at the events of its namespace' : 'its log says more'),
  };
}
