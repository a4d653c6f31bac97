/**
 * Statuses of a Task of KubeOpenCode, one function for each that it can come to; conditions, reasons and messages are what
 * users' tools go by. Pure.
 *
 * `PodCreated` is ours: False from the moment Running is claimed until its Pod is known to exist. It tells a Task whose
 * controller was killed before it made the Pod (it is made then) from one whose Pod somebody has removed (it is not run twice).
 */
import { defined } from '../kernel/defined.ts';
import type { Condition, Place, TaskNames, TaskPhase, TaskProblem, TaskStatus } from './model.ts';
import type { QueueReason } from './queue.ts';

export interface At {
  readonly status: TaskStatus;
  readonly generation: number;
  readonly now: Date;
}

type Said = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

export function queued(
  at: At,
  agent: Place,
  why: { readonly reason: QueueReason; readonly message: string },
): TaskStatus {
  return {
    ...at.status,
    phase: 'Queued',
    observedGeneration: at.generation,
    agentRef: placeOf(agent),
    conditions: withCondition(at, { type: 'Queued', status: 'True', ...why }),
  };
}

/** Running, before anything is made for it. */
export function claimed(at: At, agent: Place, names: TaskNames, isLimited: boolean): TaskStatus {
  const { status, generation, now } = at;
  const created: Said = { type: 'PodCreated', status: 'False', reason: 'Claimed', message: podName(names) };
  return {
    ...status,
    phase: 'Running',
    observedGeneration: generation,
    agentRef: placeOf(agent),
    podName: names.pod,
    podNamespace: names.namespace,
    startTime: wholeSeconds(now),
    conditions: withCondition({ ...at, status: { ...status, conditions: notQueued(at, isLimited) } }, created),
  };
}

/** Under the names that nobody else has. */
export function renamed(at: At, names: TaskNames): TaskStatus {
  const created: Said = { type: 'PodCreated', status: 'False', reason: 'Claimed', message: podName(names) };
  return {
    ...at.status,
    podName: names.pod,
    podNamespace: names.namespace,
    conditions: withCondition(at, created),
  };
}

/** Back among those that wait: nothing was made for it, and it has another Agent now. */
export function unclaimed({ status }: At): TaskStatus {
  const { podName: _pod, podNamespace: _namespace, startTime: _start, agentRef: _agent, ...rest } = status;
  const conditions = status.conditions.filter(({ type }) => type !== 'PodCreated');
  return { ...rest, phase: 'Pending', conditions };
}

export function podCreated(at: At): TaskStatus {
  const { podNamespace = '', podName: name = '' } = at.status;
  const message = `Pod ${podNamespace}/${name} exists`;
  return {
    ...at.status,
    conditions: withCondition(at, { type: 'PodCreated', status: 'True', reason: 'Created', message }),
  };
}

/** As the controller before us has left it, it has no such condition: it made the Pod first. */
export function isPodOwed({ phase, conditions }: TaskStatus): boolean {
  return phase === 'Running' && conditions.some(({ type, status }) => type === 'PodCreated' && status === 'False');
}

export function isMadeByUs({ conditions }: Pick<TaskStatus, 'conditions'>): boolean {
  return conditions.some(({ type }) => type === 'PodCreated');
}

export function completed(at: At, endedAt: string): TaskStatus {
  return { ...at.status, phase: 'Completed', observedGeneration: at.generation, completionTime: endedAt };
}

export function failed(at: At, problem: TaskProblem, endedAt: string = wholeSeconds(at.now)): TaskStatus {
  const ended = { ...at.status, conditions: ofNobodyWhoWaits(at) };
  return {
    ...ended,
    phase: 'Failed',
    observedGeneration: at.generation,
    completionTime: endedAt,
    conditions: withCondition({ ...at, status: ended }, { type: 'Ready', status: 'False', ...problem }),
  };
}

export const stopMessages = {
  UserStopped: 'Task stopped by user via kubeopencode.io/stop annotation',
  Timeout: 'Task timed out: it ran longer than its spec.timeout',
} as const;

export function stopped(at: At, reason: keyof typeof stopMessages): TaskStatus {
  const ended = { ...at.status, conditions: ofNobodyWhoWaits(at) };
  const message = `${stopMessages[reason]}${at.status.phase === 'Queued' ? ' while it was queued' : ''}`;
  return {
    ...ended,
    phase: 'Completed',
    observedGeneration: at.generation,
    completionTime: wholeSeconds(at.now),
    conditions: withCondition({ ...at, status: ended }, { type: 'Stopped', status: 'True', reason, message }),
  };
}

export function isFinished(phase: TaskPhase): phase is 'Completed' | 'Failed' {
  return phase === 'Completed' || phase === 'Failed';
}

/** metav1.Time has no more. */
export function wholeSeconds(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z');
}

function isQueued({ conditions }: TaskStatus): boolean {
  return conditions.some(({ type, status }) => type === 'Queued' && status === 'True');
}

const waitedFor = {
  server: { reason: 'AgentServerReady', message: 'Agent has a server now' },
  capacity: { reason: 'CapacityAvailable', message: 'Agent has capacity again' },
  nothing: { reason: 'NoLimits', message: 'Agent has no limits any more' },
} as const;

function notQueued(at: At, isLimited: boolean): readonly Condition[] {
  if (!isQueued(at.status)) return at.status.conditions;
  const waited = at.status.conditions.some(({ reason }) => reason === ('AgentServerNotReady' satisfies QueueReason));
  const what = waited ? 'server' : isLimited ? 'capacity' : 'nothing';
  return withCondition(at, { type: 'Queued', status: 'False', ...waitedFor[what] });
}

function ofNobodyWhoWaits(at: At): readonly Condition[] {
  if (!isQueued(at.status)) return at.status.conditions;
  return withCondition(at, { type: 'Queued', status: 'False', reason: 'Ended', message: 'Task waits no more' });
}

/** It changes its time only with its status. */
function withCondition({ status, now, generation }: At, said: Said): readonly Condition[] {
  const before = status.conditions.find(({ type }) => type === said.type);
  const since = before?.status === said.status ? before.lastTransitionTime : wholeSeconds(now);
  const condition = { ...said, lastTransitionTime: since, observedGeneration: generation };
  return [...status.conditions.filter(({ type }) => type !== said.type), condition];
}

function podName({ namespace, pod }: TaskNames): string {
  return `Pod ${namespace}/${pod} is not made yet`;
}

function placeOf({ namespace, name }: Place): Place {
  return { namespace, name };
}

/** As JSON: what is not known is not there, and neither is the phase of what has not begun. */
export function asWritten({ phase, ...rest }: TaskStatus): object {
  return { ...defined('phase', phase === '' ? undefined : phase), ...rest };
}
