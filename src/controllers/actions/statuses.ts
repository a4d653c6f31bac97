/** Statuses of an ActionExecution, one function for each that it can come to. Pure. */
import { defined } from '../../kernel/defined.ts';
import { kindOf } from '../../kernel/failure.ts';
import type { ProvenAction } from '../../ports/actions.ts';
import { failureDetails, type WhatIsKnown } from '../../workflow/failure-details.ts';
import type { Action, ActionStatus, StatusCondition } from '../../workflow/model.ts';
import type { Observed } from './decision.ts';
import type { AttemptJob } from './observe.ts';

type Said = Pick<StatusCondition, 'status' | 'reason' | 'message'>;
type At = Pick<Observed, 'status' | 'now' | 'generation'>;

/** Without what only counts while it is waited for. */
function settled({ waiting: _waiting, retryAt: _retryAt, message: _message, ...rest }: ActionStatus): ActionStatus {
  return rest;
}

export function running(observed: Observed, job: AttemptJob, attempt: number): ActionStatus {
  const { status, generation, proof } = observed;
  const proven = proof?.ok === true ? proof.value : undefined;
  const { signers: _signers, contract: _contract, ...before } = settled(status);
  return {
    ...before,
    phase: 'Running',
    observedGeneration: generation,
    startedAt: status.startedAt ?? job.createdAt,
    executionName: job.name,
    jobUID: job.uid,
    attempts: attempt,
    ...defined('image', job.image ?? proven?.image),
    ...defined('signers', proven?.signers),
    ...defined('contract', contractName(proven)),
    message: attempt === 1 ? `Job ${job.name} created` : `Job ${job.name} created, attempt ${attempt}`,
    conditions: withCondition(observed, 'Verified', verified(proof)),
  };
}

function contractName(proven: ProvenAction | undefined): string | undefined {
  return proven?.contract === undefined ? undefined : `${proven.contract.name}@${proven.contract.version.text}`;
}

function verified(proof: Observed['proof']): Said {
  if (proof === undefined) return { status: 'Unknown', reason: 'NotAsked', message: '' };
  if (!proof.ok) {
    const isNo = kindOf(proof.failure) === 'violation';
    return { status: isNo ? 'False' : 'Unknown', reason: proof.failure.code, message: proof.failure.message };
  }
  const { signers, warnings } = proof.value;
  const by = signers.length === 0 ? 'policies pass' : `signed by ${signers.join(', ')}`;
  return { status: 'True', reason: 'Proven', message: [by, ...warnings].join('; ') };
}

export function waiting(
  { status, now, generation }: At,
  why: { readonly reason: string; readonly message: string },
): ActionStatus {
  const since = status.waiting?.since ?? now.toISOString();
  return {
    ...status,
    phase: status.phase === '' ? 'Pending' : status.phase,
    observedGeneration: generation,
    waiting: { ...why, since },
    message: `Waiting: ${why.reason}${why.message === '' ? '' : `: ${why.message}`}`,
  };
}

export function notWaiting({ status }: At): ActionStatus {
  return { ...settled(status), message: `Job ${status.executionName ?? ''} runs` };
}

export function retried(
  status: ActionStatus,
  attempt: number,
  { why, retryAt }: { readonly why: string; readonly retryAt: Date },
): ActionStatus {
  const { jobUID: _, ...rest } = settled(status);
  return {
    ...rest,
    phase: 'Pending',
    attempts: attempt,
    retryAt: retryAt.toISOString(),
    message: `Attempt ${attempt} failed and is followed by another: ${why}`,
  };
}

export function completed(
  observed: At,
  status: ActionStatus,
  end: {
    readonly at: string;
    readonly podName?: string;
    readonly outputs?: ActionStatus['outputs'];
    readonly remarks: readonly string[];
  },
): ActionStatus {
  const { at, podName, outputs, remarks } = end;
  const message = ['Completed', ...remarks].join('; ');
  return {
    ...settled(status),
    phase: 'Completed',
    completedAt: at === '' ? observed.now.toISOString() : at,
    ...defined('podName', podName),
    ...defined('outputs', outputs),
    message,
    conditions: withCondition({ ...observed, status }, 'Complete', { status: 'True', reason: 'Completed', message }),
  };
}

export function cancelled(observed: At, what: string): ActionStatus {
  const { status, now, generation } = observed;
  const message = `spec.cancel is true: ${what}`;
  return {
    ...settled(status),
    phase: 'Cancelled',
    observedGeneration: generation,
    completedAt: now.toISOString(),
    message,
    conditions: withCondition(observed, 'Complete', { status: 'False', reason: 'Cancelled', message }),
  };
}

/** Of the action whose name is given where it cannot be parsed. */
export function failed(
  observed: At & Pick<Observed, 'parsed' | 'name' | 'proof'>,
  known: Omit<WhatIsKnown, 'step' | 'workflow' | 'failedAt'> & { readonly at?: string },
  status: ActionStatus = observed.status,
): ActionStatus {
  const { now, generation, parsed } = observed;
  const { at, ...rest } = known;
  const failedAt = at === undefined || at === '' ? now.toISOString() : at;
  const details = failureDetails({ ...named(observed, parsed.ok ? parsed.value : undefined), ...rest, failedAt });
  const said: Said = { status: 'False', reason: details.reason, message: details.message };
  const conditions =
    known.refusal === undefined
      ? status.conditions
      : withCondition({ ...observed, status }, 'Verified', verified({ ok: false, failure: known.refusal }));
  return {
    ...settled(status),
    phase: 'Failed',
    observedGeneration: generation,
    completedAt: failedAt,
    ...defined('podName', known.pod?.name === '' ? undefined : known.pod?.name),
    message: details.naturalLanguageSummary,
    failureDetails: details,
    conditions: withCondition({ ...observed, status: { ...status, conditions } }, 'Complete', said),
  };
}

function named({ name }: Pick<Observed, 'name'>, action: Action | undefined): Pick<WhatIsKnown, 'step' | 'workflow'> {
  if (action === undefined) return { step: name };
  return action.owner === undefined ? { step: action.step } : { step: action.step, workflow: action.workflow };
}

/** It changes its time only with its status. */
function withCondition({ status, now, generation }: At, type: string, said: Said): readonly StatusCondition[] {
  const before = status.conditions.find((condition) => condition.type === type);
  const since = before?.status === said.status ? before.lastTransitionTime : now.toISOString();
  const condition = { type, ...said, lastTransitionTime: since, observedGeneration: generation };
  return [...status.conditions.filter((other) => other.type !== type), condition];
}
