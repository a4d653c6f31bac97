/**
 * What a Pod that runs an action waits for, and how it ended: of a Job as of a TaskRun. Only what the kubelet and the
 * scheduler say in reasons is relied upon; where they say it in prose alone, that prose decides no more than a wording
 * and whether another attempt is worth it.
 */
import { defined } from '../kernel/defined.ts';
import { quoted } from '../kernel/failure.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { names } from './model.ts';

/**
 * `image`, `configuration`: it will hardly get better. `capacity`, `volume`: it may, when something is freed or bound.
 * `pod`: there is none yet, which only the events of its Job explain.
 */
export type WaitingFor = 'image' | 'configuration' | 'capacity' | 'volume' | 'pod';

export interface PodWaiting {
  readonly for: WaitingFor;
  /** As the system names it, e.g. ImagePullBackOff. */
  readonly reason: string;
  readonly message: string;
  /** It is the infrastructure's fault and may pass, e.g. a registry that answers 503. */
  readonly isPassing: boolean;
  /** ISO 8601, where it is known. */
  readonly since?: string;
}

/** `lost`: taken away from outside (eviction, preemption, drain, node gone). `rejected`: its node had no room after all. */
export type PodEnd = 'succeeded' | 'exited' | 'oom' | 'timeout' | 'not-started' | 'lost' | 'rejected';

export interface PodEnded {
  readonly how: PodEnd;
  readonly reason: string;
  readonly message: string;
  readonly exitCode?: number;
  readonly at?: string;
}

export interface PodTrouble {
  readonly name: string;
  /** The action itself has begun to run. ISO 8601. */
  readonly startedAt?: string;
  readonly waiting?: PodWaiting;
  readonly ended?: PodEnded;
}

type Members = Readonly<Record<string, unknown>>;

/** The container that runs the action: ours, or the step of Tekton's meta-task. */
const stepContainer = 'step-execute';
const ours: readonly string[] = [names.container, stepContainer];

/** `worker`: names of the container that counts. */
export function troubleOfPod(pod: unknown, worker: readonly string[] = ours): PodTrouble {
  const status = asRecord(asRecord(pod)?.['status']) ?? {};
  const containers = [...items(status['initContainerStatuses']), ...items(status['containerStatuses'])];
  const action = containers.find(({ name }) => worker.includes(text(name)));
  const state = asRecord(action?.['state']) ?? {};
  const terminated = told(action, asRecord(state['terminated']));
  const ended = endOf(status, terminated, containers);
  return {
    name: text(asRecord(asRecord(pod)?.['metadata'])?.['name']),
    ...defined('startedAt', startOf(state, terminated)),
    ...defined('ended', ended),
    ...defined('waiting', ended === undefined ? waitingOf(status, containers) : undefined),
  };
}

/** Tekton keeps results in the message of its containers, for itself. tekton.dev/v1 RunResult */
function told(action: Members | undefined, terminated: Members | undefined): Members | undefined {
  const isResults = action?.['name'] === stepContainer && text(terminated?.['message']).startsWith('[{"key"');
  return isResults ? { ...terminated, message: '' } : terminated;
}

function startOf(state: Members, terminated: Members | undefined): string | undefined {
  const startedAt = text(terminated?.['startedAt']) || text(asRecord(state['running'])?.['startedAt']);
  return beganToRun(terminated, startedAt) ? startedAt : undefined;
}

/** A container that could not be started has "started" at the epoch, or with its end. */
function beganToRun(terminated: Members | undefined, startedAt: string): boolean {
  if (startedAt === '' || startedAt.startsWith('1970-')) return false;
  return terminated === undefined || !notStarted.has(text(terminated['reason']));
}

/** kubelet container termination reasons; the second is dockershim's name for the first. */
const notStarted: ReadonlySet<string> = new Set(['StartError', 'ContainerCannotRun']);

// ---- how it ended

function endOf(status: Members, terminated: Members | undefined, all: readonly Members[]): PodEnded | undefined {
  const taken = takenAway(status);
  if (taken !== undefined) return taken;
  if (terminated !== undefined) return endOfContainer(terminated);
  if (text(status['phase']) !== 'Failed') return undefined;
  // Another container has failed before the action could start.
  const other = all.map((one) => asRecord(asRecord(one['state'])?.['terminated'])).find(hasFailed);
  if (other !== undefined) return { ...endOfContainer(other), how: 'not-started' };
  return { how: 'exited', reason: text(status['reason']) || 'Failed', message: clean(status['message']) };
}

/** The kubelet refused a Pod that the scheduler had given to it. kubernetes pkg/kubelet/lifecycle */
const rejections = /^(?:OutOf|Node(?:Affinity|Ports|Name)|UnexpectedAdmissionError|Topology|PodOSNotSupported)/;
/** Pod status reasons of those who take Pods away. kubernetes pkg/kubelet/eviction, nodeshutdown, node lifecycle */
const losses: ReadonlySet<string> = new Set([
  'Evicted',
  'NodeLost',
  'NodeShutdown',
  'Terminated',
  'Shutdown',
  'Preempting',
]);

function takenAway(status: Members): PodEnded | undefined {
  // Until then it is only going to be: what it does in its grace period counts.
  if (text(status['phase']) !== 'Failed') return undefined;
  const reason = text(status['reason']);
  const message = clean(status['message']);
  if (reason === 'DeadlineExceeded') return { how: 'timeout', reason, message };
  if (rejections.test(reason)) return { how: 'rejected', reason, message };
  const disrupted = conditionOf(status, 'DisruptionTarget');
  if (text(disrupted?.['status']) === 'True') {
    const said = message === '' ? clean(disrupted?.['message']) : message;
    return { how: 'lost', reason: reason === '' ? text(disrupted?.['reason']) : reason, message: said };
  }
  return losses.has(reason) ? { how: 'lost', reason, message } : undefined;
}

function endOfContainer(terminated: Members): PodEnded {
  const { exitCode, finishedAt } = terminated;
  const reason = text(terminated['reason']) || 'Error';
  const code = typeof exitCode === 'number' ? exitCode : undefined;
  return {
    how: howItEnded(reason, code),
    reason,
    message: clean(terminated['message']),
    ...defined('exitCode', code),
    ...defined('at', typeof finishedAt === 'string' ? finishedAt : undefined),
  };
}

function howItEnded(reason: string, exitCode: number | undefined): PodEnd {
  if (reason === 'OOMKilled') return 'oom';
  if (reason === 'DeadlineExceeded') return 'timeout';
  // Nobody saw it end. kubelet: "The container could not be located when the pod was terminated"
  if (reason === 'ContainerStatusUnknown') return 'lost';
  if (notStarted.has(reason)) return 'not-started';
  return exitCode === 0 ? 'succeeded' : 'exited';
}

function hasFailed(terminated: Members | undefined): terminated is Members {
  return terminated !== undefined && terminated['exitCode'] !== 0;
}

// ---- what it waits for

/** kubernetes pkg/kubelet/images/types.go */
const imageReasons: ReadonlySet<string> = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
]);
/** kubernetes pkg/kubelet/kuberuntime/kuberuntime_container.go */
const configurationReasons: ReadonlySet<string> = new Set([
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'PreCreateHookError',
  'PostStartHookError',
]);

function waitingOf(status: Members, containers: readonly Members[]): PodWaiting | undefined {
  const states = containers.map((one) => asRecord(asRecord(one['state'])?.['waiting']) ?? {});
  const known = states.map(waitingContainer).find((one) => one !== undefined);
  return known ?? unscheduled(status);
}

function waitingContainer(waiting: Members): PodWaiting | undefined {
  const reason = text(waiting['reason']);
  const message = clean(waiting['message']);
  if (imageReasons.has(reason)) {
    return { for: 'image', reason, message, isPassing: reason === 'RegistryUnavailable' || isOutage(message) };
  }
  if (!configurationReasons.has(reason)) return undefined;
  return { for: 'configuration', reason, message, isPassing: false };
}

/** The kubelet has one reason for all that a registry may answer; only its text tells an outage from an absence. */
export function isOutage(message: string): boolean {
  return /\b(?:50[0234]|429) [A-Z]|i\/o timeout|connection re(?:fused|set)|no such host|TLS handshake/.test(message);
}

/** Of what was written into a status, which keeps reason and message only. */
export function waitingFor({ reason, message }: { readonly reason: string; readonly message: string }): WaitingFor {
  if (reason === noPod) return 'pod';
  if (imageReasons.has(reason)) return 'image';
  if (reason !== 'Unschedulable' && reason !== 'SchedulingGated') return 'configuration';
  return /persistentvolumeclaim/i.test(message) ? 'volume' : 'capacity';
}

/** Reason of our own: no Pod was made for a Job. */
export const noPod = 'PodNotCreated';

function unscheduled(status: Members): PodWaiting | undefined {
  const condition = conditionOf(status, 'PodScheduled');
  if (condition === undefined || text(condition['status']) !== 'False') return undefined;
  const reason = text(condition['reason']) || 'Unschedulable';
  const message = clean(condition['message']);
  const since = text(condition['lastTransitionTime']);
  const what = /persistentvolumeclaim/i.test(message) ? 'volume' : 'capacity';
  return { for: what, reason, message, isPassing: false, ...(since === '' ? {} : { since }) };
}

// ---- reading

const maxMessage = 1_024;

/** Logs and servers write these: cut, and without what steers a terminal. */
function clean(value: unknown): string {
  return quoted(
    text(value)
      .trim()
      .replaceAll(/\s*\n\s*/g, ' | '),
    maxMessage,
  );
}

function conditionOf(status: Members, type: string): Members | undefined {
  return items(status['conditions']).find((condition) => condition['type'] === type);
}

function items(list: unknown): readonly Members[] {
  return Array.isArray(list) ? list.map((item: unknown) => asRecord(item) ?? {}) : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
