/**
 * What comes next for an action: one attempt after the other, each a Job that is made only after its image was proven. Pure:
 * what the outside has to be asked is said, and then decided again. Whatever the status does not say yet is found by its
 * name and owner, so that it does not matter where the process before was stopped.
 */
import { quoted, kindOf, type Failure } from '../../kernel/failure.ts';
import { actionJob, actionTemplate, jobName, timeoutOf, workspaceProblem } from '../../workflow/action-job.ts';
import type { WhatIsKnown } from '../../workflow/failure-details.ts';
import type { Action, ActionStatus, FailureReason } from '../../workflow/model.ts';
import type { ProvenAction } from '../../ports/actions.ts';
import type { Setback } from '../runtime/answers.ts';
import { imageOf } from '../workflows/blame-step.ts';
import { decideOnJob } from './decide-on-job.ts';
import type { ActionAct, Next, Observed } from './decision.ts';
import { cancelled, failed, waiting } from './statuses.ts';
import { end, tidied } from './tidy.ts';

/** What was written may be seen late by a process that has just begun to watch. */
export const removalGraceMs = 5_000;
const anotherLookMs = 30_000;

export function decide(observed: Observed): Next {
  const { parsed, status } = observed;
  if (isOver(status)) return { kind: 'decided', acts: tidied(observed) };
  if (!parsed.ok)
    return end(observed, failed(observed, { said: { ...parsed.failure, advice: 'correct it and create it again' } }));
  const action = parsed.value;
  // Somebody else runs it, and writes what came of it.
  if (action.mirrors !== undefined) return { kind: 'decided', acts: [] };
  const attempt = attemptOf(status);
  const job = observed.jobs.find(({ name }) => name === jobName(action, attempt));
  const isOurs = job !== undefined && (status.jobUID === undefined || status.jobUID === job.uid);
  if (isOurs) return decideOnJob(observed, action, { attempt, job });
  return status.phase === 'Running' ? missing(observed, action) : begin(observed, action, attempt);
}

function isOver({ phase }: ActionStatus): boolean {
  return phase === 'Completed' || phase === 'Failed' || phase === 'Cancelled';
}

/** That runs, or comes next. From 1. */
function attemptOf({ phase, attempts = 0 }: ActionStatus): number {
  return phase === 'Running' ? Math.max(1, attempts) : attempts + 1;
}

// ---- before there is a Job

function begin(observed: Observed, action: Action, attempt: number): Next {
  const { status, now, setbacks } = observed;
  if (action.cancel) return end(observed, cancelled(observed, 'nothing was started'));
  // Never two at a time, whatever was written into the status.
  if (observed.jobs.some((job) => job.end === undefined))
    return { kind: 'decided', acts: [], requeueAfterMs: anotherLookMs };
  const pauseMs = status.retryAt === undefined ? 0 : Date.parse(status.retryAt) - now.getTime();
  if (pauseMs > 0) return { kind: 'decided', acts: tidied(observed), requeueAfterMs: pauseMs };
  const image = imageOf(action, observed.registry);
  if (!image.ok) return end(observed, failed(observed, { said: image.failure }));
  const setback = setbacks.find(({ place }) => place.name === jobName(action, attempt));
  if (setback !== undefined) return setBack(observed, action, setback);
  const { proof } = observed;
  const template = actionTemplate(action, image.value);
  if (proof === undefined)
    return { kind: 'prove', what: { namespace: action.namespace, image: image.value, template } };
  if (!proof.ok) return notProven(observed, action, image.value, proof.failure);
  return create(observed, action, attempt, proof.value);
}

function create(observed: Observed, action: Action, attempt: number, proven: ProvenAction): Next {
  const { settings } = observed;
  const { contract, template } = proven;
  const problem = contract === undefined ? undefined : workspaceProblem(contract, action.workspaceClaim !== undefined);
  if (problem !== undefined) {
    const refusal: Failure = { code: 'CONTRACT_CONFLICT', message: problem };
    return end(observed, failed(observed, { refusal, image: proven.image }));
  }
  const timeoutMs = timeoutOf(action, contract, settings);
  const object = actionJob(action, template, { attempt, timeoutMs });
  return { kind: 'decided', acts: [{ kind: 'create', object }] };
}

function notProven(observed: Observed, action: Action, image: string, failure: Failure): Next {
  const known = { refusal: failure, image };
  if (kindOf(failure) === 'violation') return end(observed, failed(observed, known));
  const what = { reason: failure.code, message: failure.message };
  return waitFor(observed, action, what, known);
}

function setBack(observed: Observed, action: Action, setback: Setback): Next {
  if (setback.kind === 'taken') {
    const message = `there is a Job ${setback.place.name} that belongs to ${setback.owner}`;
    const advice = 'remove it, or create this under another name';
    return end(observed, failed(observed, { said: { reason: 'NameTaken', message, advice } }));
  }
  const { status, message } = setback;
  const said = `the API server refused its Job (${status}): ${quoted(message, 900)}`;
  if (isQuota(setback)) {
    const advice = 'raise the quota of its namespace, or free some of it';
    const known = { said: { reason: 'ResourceExhausted', message: said, advice } } as const;
    return waitFor(observed, action, { reason: 'ExceededQuota', message: quoted(message, 900) }, known);
  }
  const advice = 'do what the message says, then create it again';
  return end(observed, failed(observed, { said: { reason: reasonOf(status), message: said, advice } }));
}

/** The API server has no other word for it. kubernetes plugin/pkg/admission/resourcequota */
function isQuota({ status, message }: Extract<Setback, { kind: 'refused' }>): boolean {
  return status === 403 && message.includes('exceeded quota');
}

function reasonOf(status: number): FailureReason {
  return status === 403 ? 'Forbidden' : 'ConfigurationError';
}

const pauses = { leastMs: 1_000, mostMs: 30_000 };

/** It may pass: looked at again after pauses that grow, for as long as one attempt may take. */
function waitFor(
  observed: Observed,
  action: Action,
  what: { readonly reason: string; readonly message: string },
  known: Pick<WhatIsKnown, 'said' | 'refusal' | 'image'>,
): Next {
  const { status, now, settings } = observed;
  const waitedMs = status.waiting === undefined ? 0 : now.getTime() - Date.parse(status.waiting.since);
  if (waitedMs >= timeoutOf(action, undefined, settings)) return end(observed, failed(observed, known));
  const isKnown = status.waiting?.reason === what.reason;
  const acts: readonly ActionAct[] = isKnown ? [] : [{ kind: 'status', status: waiting(observed, what) }];
  const requeueAfterMs = Math.min(pauses.mostMs, Math.max(pauses.leastMs, Math.round(waitedMs / 2)));
  return { kind: 'decided', acts, requeueAfterMs };
}

/** A Job goes only after its result was kept, unless somebody removes it. */
function missing(observed: Observed, action: Action): Next {
  const { status, missingMs } = observed;
  const job = status.executionName ?? action.name;
  if (action.cancel) return end(observed, cancelled(observed, `Job ${job} is stopped`));
  if (missingMs < removalGraceMs) {
    return { kind: 'decided', acts: [], requeueAfterMs: removalGraceMs - missingMs };
  }
  const message = `Job ${job} was removed while it ran`;
  const advice = 'look how far it came, then create it again';
  const after = failed(observed, { said: { reason: 'ExecutionRemoved', message, advice } });
  return end(observed, after);
}
