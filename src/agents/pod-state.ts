/** The Pod of a Task, as far as it says how the Task fares: what it waits for, and how it ended. Pure. */
import { defined } from '../kernel/defined.ts';
import { quoted } from '../kernel/failure.ts';
import type { KubeObject } from '../kernel/kube-object.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { isMounting } from '../workflow/mount-trouble.ts';
import { troubleOfPod, type PodEnded, type PodWaiting } from '../workflow/pod-trouble.ts';
import { names, type TaskProblem } from './model.ts';

export interface PodState {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** When its grace period is over, if it is to go. RFC 3339 */
  readonly goneBy?: string;
  /** The agent itself has begun. */
  readonly hasStarted: boolean;
  readonly waiting?: PodWaiting;
  /** Its node has it, and its volumes are not there yet; why, only its events say. RFC 3339 */
  readonly mountsSince?: string;
  /** `problem` absent: it has done its work. */
  readonly ended?: { readonly problem?: TaskProblem; readonly at?: string };
}

export function podState(pod: KubeObject): PodState {
  const { namespace = '', name, uid, deletionTimestamp } = pod.metadata;
  const trouble = troubleOfPod(pod, [names.agentContainer]);
  const status = asRecord(pod['status']) ?? {};
  return {
    namespace,
    name,
    uid,
    ...defined('goneBy', deletionTimestamp),
    hasStarted: trouble.startedAt !== undefined,
    ...defined('waiting', trouble.waiting),
    ...defined('mountsSince', mountsSince(pod, status)),
    ...defined('ended', endOf(pod, status, trouble.ended)),
  };
}

function mountsSince(pod: KubeObject, { startTime }: Readonly<Record<string, unknown>>): string | undefined {
  return typeof startTime === 'string' && isMounting(pod) ? startTime : undefined;
}

function endOf(
  pod: KubeObject,
  status: Readonly<Record<string, unknown>>,
  ended: PodEnded | undefined,
): PodState['ended'] {
  if (ended === undefined) return status['phase'] === 'Succeeded' ? {} : undefined;
  const at = defined('at', ended.at);
  const about = `Pod ${pod.metadata.namespace ?? ''}/${pod.metadata.name}`;
  if (isRemoved(pod, ended)) return { problem: removed(about), ...at };
  if (ended.how === 'succeeded') return at;
  const init = failedInit(status);
  if (init !== undefined && ended.how === 'not-started') return { problem: initProblem(about, init), ...at };
  return { problem: problemOf(about, ended), ...at };
}

/** Who removes a Pod also stops it: what it ends with then says nothing about its work. Times are whole seconds. */
function isRemoved({ metadata }: KubeObject, { how, at }: PodEnded): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  if (deletionTimestamp === undefined || (how !== 'exited' && how !== 'succeeded')) return false;
  const graceMs = (deletionGracePeriodSeconds ?? 0) * 1_000;
  return at === undefined || Date.parse(at) >= Date.parse(deletionTimestamp) - graceMs;
}

export function removed(about: string): TaskProblem {
  const message = `${about} was removed while the Task ran; look how far it came, then create the Task again`;
  return { reason: 'PodLost', message };
}

function problemOf(about: string, { how, reason, message, exitCode }: PodEnded): TaskProblem {
  const why = message === '' ? '' : `: ${message}`;
  switch (how) {
    case 'oom':
      return {
        reason: 'OOMKilled',
        message: `${about} used more memory than its limit; raise podSpec.resources of the Agent, or give it less to do`,
      };
    case 'timeout':
      return { reason: 'Timeout', message: `${about} did not end in its time${why}` };
    case 'not-started':
      return {
        reason: 'ConfigurationError',
        message: `${about} could not be started: ${message || reason}; check command and executorImage of the Agent`,
      };
    case 'lost':
      return {
        reason: 'NodeLost',
        message: `${about} was taken away from its node (${reason})${why}; it may have done part of its work, look before the Task is created again`,
      };
    case 'rejected':
      return {
        reason: 'NodeLost',
        message: `${about} was turned away by its node (${reason})${why}; free resources on the nodes, then create the Task again`,
      };
    case 'succeeded':
    case 'exited':
      return {
        reason: 'AgentFailed',
        message: `the agent in ${about} ended with exit code ${exitCode ?? 'unknown'}${why}; its log says more`,
      };
  }
}

interface FailedInit {
  readonly name: string;
  readonly exitCode: unknown;
  readonly said: string;
}

function failedInit(status: Readonly<Record<string, unknown>>): FailedInit | undefined {
  const listed: readonly unknown[] = Array.isArray(status['initContainerStatuses'])
    ? status['initContainerStatuses']
    : [];
  for (const given of listed) {
    const container = asRecord(given);
    const terminated = asRecord(asRecord(container?.['state'])?.['terminated']);
    if (terminated === undefined || terminated['exitCode'] === 0) continue;
    const said = [terminated['reason'], terminated['message']].filter(
      (text) => typeof text === 'string' && text !== '',
    );
    return { name: String(container?.['name']), exitCode: terminated['exitCode'], said: lastLine(said.join(': ')) };
  }
  return undefined;
}

function initProblem(about: string, { name, exitCode, said }: FailedInit): TaskProblem {
  const container = quoted(name, 63);
  const message = `init container ${container} of ${about} failed with exit code ${String(exitCode)}: ${said}; its log says more`;
  return { reason: 'InitFailed', message };
}

const maxSaid = 512;

function lastLine(text: string): string {
  return quoted(
    text
      .trim()
      .replaceAll(/\s*\n\s*/g, ' | ')
      .slice(-maxSaid),
    maxSaid,
  );
}
