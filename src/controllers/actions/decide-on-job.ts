/** What comes next for an action whose Job is there: what it waits for, how it ended, and whether it is tried again. Pure. */
import { defined } from '../../kernel/defined.ts';
import { quoted } from '../../kernel/failure.ts';
import { actionTemplate } from '../../workflow/action-job.ts';
import type { WhatIsKnown } from '../../workflow/failure-details.ts';
import type { Action, ActionStatus } from '../../workflow/model.ts';
import { lastJsonObject, outputProblems } from '../../workflow/outputs.ts';
import { isOutage, noPod, waitingFor, type PodWaiting } from '../../workflow/pod-trouble.ts';
import { mayPass, podRefusal } from '../../workflow/refusals.ts';
import type { ActionDecision, Next, Observed } from './decision.ts';
import type { AttemptJob, JobEnd } from './observe.ts';
import { cancelled, completed, failed, notWaiting, retried, running, waiting } from './statuses.ts';
import { end, tidied } from './tidy.ts';

export interface CurrentAttempt {
  readonly attempt: number;
  readonly job: AttemptJob;
}

export function decideOnJob(observed: Observed, action: Action, current: CurrentAttempt): Next {
  const { job } = current;
  const { status } = observed;
  if (job.end === undefined && action.cancel) return end(observed, cancelled(observed, `Job ${job.name} is stopped`));
  const isNew = status.phase !== 'Running';
  // Also of a Job that a process before us has made: the status says only what is proven.
  if (isNew && observed.proof === undefined) return askForProof(action, job);
  const under = isNew ? running(observed, job, current.attempt) : status;
  switch (job.end?.kind) {
    case 'complete':
      return complete(observed, action, job, { ...job.end, status: under });
    case 'failed':
      return fail(observed, action, current, { ...job.end, status: under });
    case undefined: {
      const next = goOn({ ...observed, status: under }, job);
      return isNew ? withStatus(next, under) : next;
    }
  }
}

/** Unless there is more to be said. */
function withStatus(next: Next, status: ActionStatus): Next {
  return next.kind !== 'decided' || next.acts.length > 0 ? next : { ...next, acts: [{ kind: 'status', status }] };
}

function askForProof(action: Action, job: Pick<AttemptJob, 'image'>): Next {
  const image = job.image ?? action.image ?? '';
  return { kind: 'prove', what: { namespace: action.namespace, image, template: actionTemplate(action, image) } };
}

// ---- it runs, or waits

/** Long enough for what passes by itself, such as a Secret that is created right after. */
const graceMs = 30_000;
/** Then its Job's events are asked why there is no Pod. */
const explainMs = 10_000;
/** So long a Pod may take to be made where many are. */
const podMs = 60_000;
/** What the scheduler settles at once is not worth a word. */
const momentMs = 2_000;

function goOn(observed: Observed, job: AttemptJob): Next {
  const { status } = observed;
  const seen = waitingOf(observed, job);
  if (seen === undefined) {
    const isOver = status.waiting !== undefined && job.pod?.startedAt !== undefined;
    return { kind: 'decided', acts: isOver ? [{ kind: 'status', status: notWaiting(observed) }] : [] };
  }
  if ('kind' in seen) return seen;
  return 'inMs' in seen ? { kind: 'decided', acts: [], requeueAfterMs: seen.inMs } : goOnWaiting(observed, job, seen);
}

/** Written once for what it waits for, however often the words for it change. */
function goOnWaiting(observed: Observed, job: AttemptJob, seen: PodWaiting): ActionDecision {
  const { status, now } = observed;
  const { waiting: known, ...before } = status;
  if (known === undefined || !isSameWait(known, seen)) {
    const next = waiting({ ...observed, status: before }, { reason: seen.reason, message: seen.message });
    return { kind: 'decided', acts: [{ kind: 'status', status: next }], requeueAfterMs: graceMs };
  }
  const passes = seen.isPassing || isOutage(known.message) || seen.for === 'capacity' || seen.for === 'volume';
  // Nobody tells when the events of a Job say something else.
  if (passes) return { kind: 'decided', acts: [], ...(seen.for === 'pod' && { requeueAfterMs: graceMs }) };
  const remainsMs = Date.parse(known.since) + graceMs - now.getTime();
  if (remainsMs > 0) return { kind: 'decided', acts: [], requeueAfterMs: remainsMs };
  return end(observed, failed(observed, { ...whatIsKnown(observed, job), waited: seen }));
}

function isSameWait(known: NonNullable<ActionStatus['waiting']>, seen: PodWaiting): boolean {
  if (waitingFor(known) !== seen.for) return false;
  return seen.for !== 'pod' || podRefusal(known.message).kind === podRefusal(seen.message).kind;
}

/** `inMs`: it may be nothing; look again then. */
type Seen = PodWaiting | { readonly inMs: number } | Extract<Next, { readonly kind: 'read-warning' }> | undefined;

function waitingOf(observed: Observed, job: AttemptJob): Seen {
  const { pod } = job;
  if (pod === undefined) return withoutPod(observed, job);
  if (pod.waiting === undefined || pod.ended !== undefined) return undefined;
  const inMs = momentMs - msSince(observed, pod.waiting.since);
  return inMs > 0 ? { inMs } : pod.waiting;
}

function withoutPod(observed: Observed, { name, uid, createdAt }: AttemptJob): Seen {
  const { told } = observed;
  const ageMs = msSince(observed, createdAt);
  if (ageMs < explainMs) return { inMs: explainMs - ageMs };
  if (told === undefined) return { kind: 'read-warning', job: uid };
  const known = { for: 'pod', reason: noPod } as const;
  if (told.warning?.reason === 'FailedCreate') {
    const message = quoted(told.warning.message.replace(/^Error creating: /, ''), 1_024);
    return { ...known, message, isPassing: mayPass(podRefusal(message)) };
  }
  if (ageMs < podMs) return { inMs: Math.min(explainMs, podMs - ageMs) };
  const message = `Job ${name} has no Pod yet, and no event says why; kubectl describe job ${name} has what there is`;
  return { ...known, message, isPassing: true };
}

function msSince({ now }: Observed, time: string | undefined): number {
  return time === undefined ? Infinity : now.getTime() - Date.parse(time);
}

function whatIsKnown(
  { status }: Observed,
  { pod, image, timeoutMs }: AttemptJob,
): Omit<WhatIsKnown, 'step' | 'workflow' | 'failedAt'> {
  return {
    ...defined('image', image),
    ...defined('timeoutMs', timeoutMs),
    ...defined('pod', pod),
    ...defined('waited', status.waiting),
  };
}

// ---- it has ended

interface Ended extends JobEnd {
  /** Of an attempt that runs. */
  readonly status: ActionStatus;
}

/** For how long a log that cannot be had just now is asked for. */
const logPatienceMs = 60_000;
const logPauseMs = 2_000;

function complete(observed: Observed, action: Action, job: AttemptJob, ended: Ended): Next {
  const { log, now, proof } = observed;
  const isContractOpen = contractOf(observed) === undefined && ended.status.contract !== undefined;
  if (isContractOpen && proof === undefined) return askForProof(action, job);
  const podName = job.pod?.name;
  if (log === undefined && podName !== undefined) return { kind: 'read-log', pod: podName };
  if (log?.kind === 'unavailable' && now.getTime() - Date.parse(ended.at) < logPatienceMs) {
    return { kind: 'decided', acts: [], requeueAfterMs: logPauseMs };
  }
  const given = { at: ended.at, ...defined('podName', podName), ...resultOf(observed) };
  return end(observed, completed(observed, ended.status, given));
}

function resultOf(observed: Observed): {
  readonly outputs?: ActionStatus['outputs'];
  readonly remarks: readonly string[];
} {
  const { log } = observed;
  const outputs = log?.kind === 'read' ? lastJsonObject(log.text) : undefined;
  if (outputs === undefined) return { remarks: logRemarks(log) };
  const contract = contractOf(observed);
  return { outputs, remarks: contract === undefined ? [] : outputProblems(contract, outputs) };
}

function contractOf({ contract, proof }: Observed): Observed['contract'] {
  return proof?.ok === true ? proof.value.contract : contract;
}

function logRemarks(log: Observed['log']): readonly string[] {
  switch (log?.kind) {
    case 'read':
      return [];
    case 'unavailable':
      return [`its outputs are not known, because its log cannot be read: ${log.why}`];
    case 'gone':
    case undefined:
      return ['its outputs are not known, because its Pod is gone'];
  }
}

/** What it has printed before it failed may say how far it came; nobody waits for it. */
function fail(observed: Observed, action: Action, current: CurrentAttempt, ended: Ended): Next {
  const { attempt, job } = current;
  const { reason, message, at, status } = ended;
  const retries = action.retries ?? observed.settings.retries;
  if (attempt <= retries && !action.cancel && isInfrastructure(observed, job, ended)) {
    return retry(observed, current, ended);
  }
  const hasRun = job.pod?.startedAt !== undefined && job.pod.ended !== undefined;
  if (hasRun && observed.log === undefined) return { kind: 'read-log', pod: job.pod.name };
  const known = { ...whatIsKnown(observed, job), condition: { reason, message }, at };
  return end(observed, failed(observed, known, { ...status, ...defined('outputs', resultOf(observed).outputs) }));
}

/** Not the action's fault, nor that of whoever wrote it. */
function isInfrastructure({ status }: Observed, { pod }: AttemptJob, { reason }: Pick<Ended, 'reason'>): boolean {
  if (reason === 'DeadlineExceeded') {
    return pod?.startedAt === undefined && isRegistryAway(pod?.waiting ?? status.waiting);
  }
  const how = pod?.ended?.how;
  return reason === 'PodFailurePolicy' || how === 'lost' || how === 'rejected';
}

/** The kubelet has tried again all the time. */
function isRegistryAway(waited: ActionStatus['waiting'] | PodWaiting): boolean {
  return waited !== undefined && waitingFor(waited) === 'image' && isOutage(waited.message);
}

const longestPauseMs = 300_000;

function retry(observed: Observed, { attempt, job }: CurrentAttempt, ended: Ended): ActionDecision {
  const pauseMs = Math.min(longestPauseMs, 1_000 * 2 ** (attempt - 1));
  const at = Number.isNaN(Date.parse(ended.at)) ? observed.now.getTime() : Date.parse(ended.at);
  const trouble = job.pod?.ended;
  const why = trouble === undefined ? `${ended.reason}: ${ended.message}` : `${trouble.reason}: ${trouble.message}`;
  const status = retried(ended.status, attempt, { why, retryAt: new Date(at + pauseMs) });
  const requeueAfterMs = Math.max(1, at + pauseMs - observed.now.getTime());
  return { kind: 'decided', acts: [{ kind: 'status', status }, ...tidied(observed)], requeueAfterMs };
}
