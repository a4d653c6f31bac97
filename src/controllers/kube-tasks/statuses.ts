/** Statuses of a Task of KubeTask, one function for each that it can come to. Times are in whole seconds. Pure. */
import type { Condition, TaskProblem, TaskStatus } from '../../agents/model.ts';
import { wholeSeconds } from '../../agents/task-conditions.ts';
import type { Observed } from './decision.ts';
import type { TaskJob } from './observe.ts';

type At = Pick<Observed, 'status' | 'now' | 'generation'>;
type Said = Pick<Condition, 'status' | 'reason' | 'message'>;

/** True while something is in the way; it is taken away when that is over. */
const waitingType = 'Waiting';
const readyType = 'Ready';

/** Nothing was made for the Task before this is written: whoever sees an older version of it writes nothing. */
export function claimed({ status, generation }: At): TaskStatus {
  return { ...status, phase: 'Pending', observedGeneration: generation };
}

export function running({ status, generation, now }: At, job: TaskJob): TaskStatus {
  return {
    ...withoutWaiting(status),
    phase: 'Running',
    observedGeneration: generation,
    jobName: job.name,
    startTime: status.startTime ?? inSeconds(job.createdAt, now),
  };
}

export interface Waiting {
  readonly reason: string;
  readonly message: string;
  /** ISO 8601. */
  readonly since: string;
}

export function waitingOf({ conditions }: TaskStatus): Waiting | undefined {
  const found = conditions.find(({ type, status }) => type === waitingType && status === 'True');
  return found && { reason: found.reason, message: found.message, since: found.lastTransitionTime };
}

export function waiting(at: At, why: Pick<Waiting, 'reason' | 'message'>): TaskStatus {
  const { status, generation } = at;
  const phase = status.phase === 'Running' ? status.phase : 'Pending';
  return {
    ...status,
    phase,
    observedGeneration: generation,
    conditions: withCondition(at, waitingType, { status: 'True', ...why }),
  };
}

export function withoutWaiting(status: TaskStatus): TaskStatus {
  return { ...status, conditions: status.conditions.filter(({ type }) => type !== waitingType) };
}

export function completed({ status, now }: At, endedAt: string): TaskStatus {
  return { ...withoutWaiting(status), phase: 'Completed', completionTime: inSeconds(endedAt, now) };
}

export function failed(at: At, { reason, message }: TaskProblem, endedAt = ''): TaskStatus {
  const { status, now, generation } = at;
  const settled = withoutWaiting(status);
  return {
    ...settled,
    phase: 'Failed',
    observedGeneration: generation,
    completionTime: inSeconds(endedAt, now),
    conditions: withCondition({ ...at, status: settled }, readyType, { status: 'False', reason, message }),
  };
}

/** It changes its time only with its status, or with what is waited for. */
function withCondition({ status, now, generation }: At, type: string, said: Said): readonly Condition[] {
  const lastTransitionTime = inSeconds('', now);
  const condition = { type, ...said, lastTransitionTime, observedGeneration: generation };
  return [...status.conditions.filter((other) => other.type !== type), condition];
}

/** metav1.Time; now, where there is none. */
function inSeconds(time: string, now: Date): string {
  const milliseconds = Date.parse(time);
  const date = Number.isNaN(milliseconds) ? now : new Date(milliseconds);
  return wholeSeconds(date);
}
