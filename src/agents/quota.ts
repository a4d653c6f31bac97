/**
 * Starts of Tasks within a sliding window, as an Agent's status.taskStartHistory keeps them. A start is written there before
 * the Task is said to run, so that it counts whoever leads next. Pure.
 */
import { wholeSeconds } from './task-conditions.ts';
import type { Quota, Task, TaskStart } from './model.ts';

type Starting = Pick<Task, 'namespace' | 'name' | 'createdAt'>;

/** Those that still count, oldest first. */
export function startsWithin(starts: readonly TaskStart[], quota: Quota, now: Date): readonly TaskStart[] {
  return starts
    .filter((start) => expiryOf(start, quota) > now.getTime())
    .toSorted((one, other) => timeOf(one) - timeOf(other));
}

/** Written for this Task, not for another that had its name before. */
export function isStartOf({ taskNamespace, taskName, startTime }: TaskStart, task: Starting): boolean {
  const isNamed = taskNamespace === task.namespace && taskName === task.name;
  return isNamed && Date.parse(startTime) >= Date.parse(task.createdAt);
}

/** What is counted of others. */
export function startsOfOthers(
  starts: readonly TaskStart[],
  quota: Quota,
  task: Starting,
  now: Date,
): readonly TaskStart[] {
  return startsWithin(starts, quota, now).filter((start) => !isStartOf(start, task));
}

/** Milliseconds until there is room for one more; undefined: there is. `ahead`: Tasks that come first. */
export function quotaWaitMs(starts: readonly TaskStart[], quota: Quota, now: Date, ahead: number): number | undefined {
  if (starts.length + ahead < quota.maxTaskStarts) return undefined;
  // Whoever is ahead takes the room of those that expire first.
  const until = starts[Math.min(starts.length - 1, starts.length + ahead - quota.maxTaskStarts)];
  return until === undefined ? 0 : expiryOf(until, quota) - now.getTime();
}

/** The history with this start in it, once. No Task starts before it was created, whatever our clock says. */
export function withStart(starts: readonly TaskStart[], quota: Quota, task: Starting, now: Date): readonly TaskStart[] {
  const at = new Date(Math.max(now.getTime(), Date.parse(task.createdAt)));
  const start = { taskName: task.name, taskNamespace: task.namespace, startTime: wholeSeconds(at) };
  return [...startsOfOthers(starts, quota, task, now), start];
}

/** A second is as exact as it gets. */
const renewAfterMs = 2_000;

/** Its record is there, and of just now: what was written long before it starts would be forgotten too early. */
export function hasStart(starts: readonly TaskStart[], task: Starting, now: Date): boolean {
  return starts.some((start) => isStartOf(start, task) && now.getTime() - timeOf(start) < renewAfterMs);
}

function expiryOf(start: TaskStart, { windowSeconds }: Quota): number {
  return timeOf(start) + windowSeconds * 1_000;
}

function timeOf({ startTime }: TaskStart): number {
  return Date.parse(startTime);
}
