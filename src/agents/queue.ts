/** Whether a Task may start now, or what it waits for: capacity before quota, oldest first. Pure. */
import { quoted } from '../kernel/failure.ts';
import type { Agent, Task, TaskStart } from './model.ts';
import { quotaWaitMs, startsOfOthers } from './quota.ts';

export type QueueReason = 'AgentServerNotReady' | 'AgentAtCapacity' | 'QuotaExceeded';

/** Of one Agent, as one of its Tasks sees it. */
export interface Line {
  /** Other Tasks that run, or are about to. */
  readonly running: number;
  /** Tasks that wait and come first, as far as they matter. */
  readonly ahead: number;
}

export interface Hindrance {
  readonly reason: QueueReason;
  readonly message: string;
  readonly lookAgainMs: number;
}

const usualLookMs = 10_000;
const leastMs = 1_000;

export function hindranceOf(
  agent: Pick<Agent, 'name' | 'maxConcurrentTasks' | 'quota'>,
  task: Pick<Task, 'namespace' | 'name' | 'createdAt'>,
  { running, ahead }: Line,
  starts: readonly TaskStart[],
  now: Date,
): Hindrance | undefined {
  const { maxConcurrentTasks: max, quota } = agent;
  const name = quoted(agent.name, 253);
  if (max !== undefined && running + ahead >= max) {
    const message = `Waiting for agent "${name}" capacity (max: ${max})`;
    return { reason: 'AgentAtCapacity', message, lookAgainMs: usualLookMs };
  }
  if (quota === undefined) return undefined;
  const waitMs = quotaWaitMs(startsOfOthers(starts, quota, task, now), quota, now, ahead);
  if (waitMs === undefined) return undefined;
  const message = `Waiting for agent "${name}" quota (max: ${quota.maxTaskStarts} per ${quota.windowSeconds}s)`;
  return { reason: 'QuotaExceeded', message, lookAgainMs: Math.max(leastMs, waitMs) };
}

/** It takes no place of others, and no start. */
export function withoutServer(agent: Pick<Agent, 'name'>): Hindrance {
  const message = `Waiting for agent "${quoted(agent.name, 253)}" server`;
  return { reason: 'AgentServerNotReady', message, lookAgainMs: usualLookMs };
}

export function isLimited({ maxConcurrentTasks, quota }: Pick<Agent, 'maxConcurrentTasks' | 'quota'>): boolean {
  return maxConcurrentTasks !== undefined || quota !== undefined;
}

/** How many may start at once, as far as their number says; what the quota has left is asked when they do. */
export function placesFree(
  { maxConcurrentTasks = Infinity, quota }: Pick<Agent, 'maxConcurrentTasks' | 'quota'>,
  running: number,
): number {
  return Math.min(maxConcurrentTasks - running, quota?.maxTaskStarts ?? Infinity);
}

/** How many of those that wait may matter to one another. */
export function mostAtOnce({ maxConcurrentTasks, quota }: Pick<Agent, 'maxConcurrentTasks' | 'quota'>): number {
  return Math.min(maxConcurrentTasks ?? Infinity, quota?.maxTaskStarts ?? Infinity);
}

/** Oldest first; the clock of the API server has whole seconds. */
export function byAge(
  one: Pick<Task, 'createdAt' | 'namespace' | 'name'>,
  other: Pick<Task, 'createdAt' | 'namespace' | 'name'>,
): number {
  return (
    compare(one.createdAt, other.createdAt) || compare(one.namespace, other.namespace) || compare(one.name, other.name)
  );
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
