/** What comes next for a Task that runs: its Pod is made, watched, stopped, and its end is taken over. Pure. */
import type { TaskProblem } from '../../agents/model.ts';
import { logConfigMap } from '../../agents/log-config-map.ts';
import { removed, type PodState } from '../../agents/pod-state.ts';
import { completed, failed, isPodOwed, podCreated, stopped, wholeSeconds } from '../../agents/task-conditions.ts';
import { mountTrouble } from '../../workflow/mount-trouble.ts';
import type { PodWaiting } from '../../workflow/pod-trouble.ts';
import { atOf } from './decide-start.ts';
import type { Act, Decision, Next, Observed } from './decision.ts';
import { makePod } from './make-pod.ts';
import { namesInUse } from './names-in-use.ts';
import { end } from './tidy.ts';

type Stop = 'UserStopped' | 'Timeout';

export function decideRunning(observed: Observed): Next {
  const { pod, status } = observed;
  const stop = stopOf(observed);
  if (pod === undefined) return withoutPod(observed, stop);
  if (pod.ended !== undefined) return takeOver(observed, pod.ended);
  if (stop !== undefined) return stopPod(observed, pod, stop);
  if (isPodOwed(status)) {
    return { kind: 'decided', acts: [{ kind: 'status', status: podCreated(atOf(observed)) }], thenAgain: true };
  }
  return pod.goneBy === undefined ? watch(observed, pod) : going(observed, pod, pod.goneBy);
}

// ---- its time

function stopOf(observed: Observed): Stop | undefined {
  if (observed.task.stopped) return 'UserStopped';
  return remainingMs(observed) <= 0 ? 'Timeout' : undefined;
}

/** Of its timeout. */
function remainingMs({ parsed, status, now }: Observed): number {
  const seconds = parsed.ok ? parsed.value.timeoutSeconds : undefined;
  if (seconds === undefined || status.startTime === undefined) return Infinity;
  return Date.parse(status.startTime) + seconds * 1_000 - now.getTime();
}

function lookAgain(observed: Observed, ...inMs: readonly number[]): Decision {
  const soonest = Math.min(remainingMs(observed), ...inMs);
  return { kind: 'decided', acts: [], ...(soonest !== Infinity && { requeueAfterMs: Math.max(1, soonest) }) };
}

// ---- it has no Pod

function withoutPod(observed: Observed, stop: Stop | undefined): Next {
  const { task, status, isFresh, isOurClaim, hasLooked } = observed;
  const known = namesInUse(task, status);
  const isOwed = isPodOwed(status) && known !== undefined;
  // Somebody may have made it already, and come to its end.
  if (isOwed && !isFresh && !isOurClaim) return { kind: 'refresh' };
  if (isOwed && stop === undefined) return makePod(observed, known);
  if (known !== undefined && !hasLooked) {
    return { kind: 'look-for-pod', place: { namespace: known.namespace, name: known.pod } };
  }
  if (stop !== undefined) return end(observed, stopped(atOf(observed), stop));
  const pod = known === undefined ? 'its Pod' : `Pod ${known.namespace}/${known.pod}`;
  return fails(observed, removed(pod));
}

// ---- it has one

function takeOver(observed: Observed, { problem, at }: NonNullable<PodState['ended']>): Decision {
  const before = atOf(observed);
  const known = isPodOwed(observed.status) ? { ...before, status: podCreated(before) } : before;
  const endedAt = at ?? wholeSeconds(observed.now);
  return end(observed, problem === undefined ? completed(known, endedAt) : failed(known, problem, endedAt));
}

function fails(observed: Observed, problem: TaskProblem): Decision {
  return end(observed, failed(atOf(observed), problem));
}

/** Long enough for what passes by itself, such as a Secret that is created right after. */
const graceMs = 30_000;

function watch(observed: Observed, pod: PodState): Next {
  const { waiting, mountsSince } = pod;
  if (mountsSince !== undefined) return watchVolumes(observed, pod, mountsSince);
  if (waiting === undefined || !isHopeless(waiting)) return lookAgain(observed);
  const leftMs = graceMs - observed.troubleMs;
  if (leftMs > 0) return lookAgain(observed, leftMs);
  return fails(observed, neverRan(pod, waiting));
}

/** Where a volume cannot be had, the kubelet tells it in events alone. */
function watchVolumes(observed: Observed, pod: PodState, since: string): Next {
  const { told, now } = observed;
  const leftMs = Date.parse(since) + graceMs - now.getTime();
  if (leftMs > 0) return lookAgain(observed, leftMs);
  if (told === undefined) return { kind: 'read-warning', pod };
  const trouble = mountTrouble(told.warning);
  return trouble === undefined || trouble.isPassing
    ? lookAgain(observed, graceMs)
    : fails(observed, neverRan(pod, trouble));
}

/** A node and a volume may still be found; an image and a Secret are there or not. */
export function isHopeless({ for: what, isPassing }: PodWaiting): boolean {
  return (what === 'image' || what === 'configuration') && !isPassing;
}

function neverRan({ namespace, name }: PodState, { for: what, reason, message }: PodWaiting): TaskProblem {
  const why = `Pod ${namespace}/${name} never ran (${reason}${message === '' ? '' : `: ${message}`})`;
  return what === 'image'
    ? { reason: 'ImagePullFailed', message: `${why}; check that the image exists and may be pulled in ${namespace}` }
    : { reason: 'ConfigurationError', message: `${why}; create what is missing in ${namespace}, or mend the Agent` };
}

const lostAfterMs = 60_000;

/** Somebody else has removed it: the kubelet sees to it, if there still is one. */
function going(observed: Observed, { namespace, name }: PodState, goneBy: string): Decision {
  const leftMs = Date.parse(goneBy) + lostAfterMs - observed.now.getTime();
  if (leftMs > 0) return lookAgain(observed, leftMs);
  const message = `Pod ${namespace}/${name} is to go, and its node does not answer; look at the node before the Task is created again`;
  return fails(observed, { reason: 'NodeLost', message });
}

// ---- it is stopped

export const logPatienceMs = 30_000;
const logPauseMs = 2_000;

/** What it has printed is kept first. */
function stopPod(observed: Observed, pod: PodState, stop: Stop): Next {
  const { log } = observed;
  if (pod.hasStarted && log === undefined) return { kind: 'read-log', pod };
  if (log?.kind === 'unavailable' && log.forMs < logPatienceMs) {
    return { kind: 'decided', acts: [], requeueAfterMs: logPauseMs };
  }
  return end(observed, stopped(atOf(observed), stop), logKept(observed));
}

function logKept({ task, status, log }: Observed): readonly Act[] {
  const known = namesInUse(task, status);
  if (log?.kind !== 'read' || log.text === '' || known === undefined) return [];
  return [{ kind: 'keep-log', object: logConfigMap(task, known, log.text) }];
}
