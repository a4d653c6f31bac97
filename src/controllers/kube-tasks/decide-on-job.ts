/** What comes next for a Task whose Job is there: what it waits for, and how it ended. Pure. */
import { quoted } from '../../kernel/failure.ts';
import { agentKinds } from '../../agents/kinds.ts';
import type { TaskStatus } from '../../agents/model.ts';
import { mountTrouble } from '../../workflow/mount-trouble.ts';
import { isOutage, noPod, waitingFor, type PodWaiting } from '../../workflow/pod-trouble.ts';
import { mayPass, podRefusal } from '../../workflow/refusals.ts';
import type { JobEnd } from '../actions/observe.ts';
import type { Next, Observed, TaskAct, TaskDecision } from './decision.ts';
import { jobFailure, nodeLost, stuckJob } from './job-failure.ts';
import type { SeenPod, TaskJob } from './observe.ts';
import { completed, failed, running, waiting, waitingOf, withoutWaiting, type Waiting } from './statuses.ts';

/** Long enough for what passes by itself, such as a Secret that is created right after. */
export const graceMs = 30_000;
/** Then events are asked why nothing happens. */
const explainMs = 10_000;
/** What the scheduler settles at once is not worth a word. */
const momentMs = 2_000;
/** A Pod may be heard of later than its Job. */
const podNewsMs = 5_000;
const podNewsPauseMs = 1_000;
/** So long after a Pod was to be gone its node does not answer any more. */
const nodeLostMs = 60_000;

export function decideOnJob(observed: Observed, job: TaskJob): Next {
  const isNew = observed.status.phase !== 'Running';
  const under = isNew ? running(observed, job) : observed.status;
  const at = { ...observed, status: under };
  if (job.end !== undefined) return ended(at, job, job.end);
  const next = goOn(at, job);
  // Unless there is more to be said.
  if (!isNew || next.kind !== 'decided' || next.acts.length > 0) return next;
  return { ...next, acts: [{ kind: 'status', status: under }] };
}

// ---- it has ended

/** Then its Pod has nothing to add. */
const saidByJob: ReadonlySet<string> = new Set(['DeadlineExceeded', 'PodFailurePolicy']);

function ended(observed: Observed, job: TaskJob, end: JobEnd): TaskDecision {
  if (end.kind === 'complete') return over(observed, completed(observed, end.at), job);
  const isUntold = job.pod?.ended === undefined && !saidByJob.has(end.reason);
  if (isUntold && msSince(observed, end.at) < podNewsMs) {
    return { kind: 'decided', acts: [], requeueAfterMs: podNewsPauseMs };
  }
  return over(observed, failed(observed, jobFailure(job, end), end.at), job);
}

function over(observed: Observed, status: TaskStatus, job: TaskJob): TaskDecision {
  return { kind: 'decided', acts: [{ kind: 'status', status }, ...tidied(observed, job)] };
}

/** What has ended by itself stays with its log, until the Task goes; anything else is removed, its Job last. */
export function tidied({ task }: Pick<Observed, 'task'>, job: TaskJob): readonly TaskAct[] {
  if (!job.runsOn || job.isDeleted) return [];
  const place = { kind: agentKinds.job, namespace: task.namespace, name: job.name };
  return [{ kind: 'remove-files' }, { kind: 'remove', place, uid: job.uid }];
}

// ---- it runs, or waits

/** `inMs`: it may be nothing; look again then. */
type Seen = PodWaiting | { readonly inMs: number } | Extract<Next, { readonly kind: 'read-warning' }> | undefined;

function goOn(observed: Observed, job: TaskJob): Next {
  const lost = deadlineOfPod(observed, job);
  if (lost !== undefined && lost <= 0) {
    const message = 'its node has not confirmed that it is gone';
    return over(observed, failed(observed, nodeLost(message)), job);
  }
  const seen = seenOf(observed, job);
  if (seen !== undefined && 'kind' in seen) return seen;
  const isHeldUp = seen !== undefined && !('inMs' in seen);
  const next = isHeldUp ? wait(observed, job, seen) : goOnQuietly(observed, job, seen?.inMs);
  if (lost === undefined) return next;
  return { ...next, requeueAfterMs: Math.min(lost, next.requeueAfterMs ?? lost) };
}

function goOnQuietly({ status }: Observed, { pod }: TaskJob, inMs: number | undefined): TaskDecision {
  const isOver = waitingOf(status) !== undefined && pod?.startedAt !== undefined;
  const acts: readonly TaskAct[] = isOver ? [{ kind: 'status', status: withoutWaiting(status) }] : [];
  return { kind: 'decided', acts, ...(inMs !== undefined && { requeueAfterMs: inMs }) };
}

/** Milliseconds until its node counts as lost; undefined: nobody has told it to go. */
function deadlineOfPod(observed: Observed, { seenPod, pod }: TaskJob): number | undefined {
  const deletedAt = seenPod?.deletedAt;
  if (deletedAt === undefined || pod?.ended !== undefined) return undefined;
  return nodeLostMs - msSince(observed, deletedAt);
}

/** Written once for what it waits for, however often the words for it change. */
function wait(observed: Observed, job: TaskJob, seen: PodWaiting): TaskDecision {
  const { status } = observed;
  const known = waitingOf(status);
  if (known === undefined || !isSameWait(known, seen)) {
    const why = { reason: seen.reason, message: seen.message };
    return { kind: 'decided', acts: [{ kind: 'status', status: waiting(observed, why) }], requeueAfterMs: graceMs };
  }
  const passes = seen.isPassing || isOutage(known.message) || seen.for === 'capacity' || seen.for === 'volume';
  // Nobody tells when events say something else.
  if (passes) return { kind: 'decided', acts: [], requeueAfterMs: graceMs };
  const remainsMs = graceMs - msSince(observed, known.since);
  if (remainsMs > 0) return { kind: 'decided', acts: [], requeueAfterMs: remainsMs };
  return over(observed, failed(observed, stuckJob(job, seen)), job);
}

function isSameWait(known: Waiting, seen: PodWaiting): boolean {
  if (waitingFor(known) !== seen.for) return false;
  return seen.for !== 'pod' || podRefusal(known.message).kind === podRefusal(seen.message).kind;
}

function seenOf(observed: Observed, job: TaskJob): Seen {
  const { pod, seenPod } = job;
  if (pod === undefined) return withoutPod(observed, job);
  if (pod.ended !== undefined) return undefined;
  if (pod.waiting === undefined) return seenPod?.isMounting === true ? mounting(observed, seenPod) : undefined;
  const inMs = momentMs - msSince(observed, pod.waiting.since);
  return inMs > 0 ? { inMs } : pod.waiting;
}

function withoutPod(observed: Observed, { uid, createdAt }: TaskJob): Seen {
  const { told } = observed;
  const inMs = explainMs - msSince(observed, createdAt);
  if (inMs > 0) return { inMs };
  if (told === undefined) return { kind: 'read-warning', uid };
  // Where many Pods are made, it may take its time.
  if (told.warning?.reason !== 'FailedCreate') return { inMs: explainMs };
  const message = quoted(told.warning.message.replace(/^Error creating: /, ''), 1_024);
  return { for: 'pod', reason: noPod, message, isPassing: mayPass(podRefusal(message)) };
}

function mounting(observed: Observed, { uid, createdAt }: SeenPod): Seen {
  const { told } = observed;
  const inMs = explainMs - msSince(observed, createdAt);
  if (inMs > 0) return { inMs };
  return told === undefined ? { kind: 'read-warning', uid } : (mountTrouble(told.warning) ?? { inMs: graceMs });
}

function msSince({ now }: Observed, time: string | undefined): number {
  const milliseconds = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(milliseconds) ? Infinity : now.getTime() - milliseconds;
}
