/** What is told of a Task in events and counted: whatever its status says now and did not say before. Pure. */
import { isFinished } from '../../agents/task-conditions.ts';
import { names, type Condition, type Task, type TaskStatus } from '../../agents/model.ts';
import { defined } from '../../kernel/defined.ts';
import type { FinishedTask } from '../../ports/task-metrics.ts';
import type { Told } from '../runtime/tell.ts';

export function eventsOf(before: TaskStatus, after: TaskStatus): readonly Told[] {
  return [...waits(before, after), ...created(before, after), ...ended(before, after)];
}

export function finishedTask(
  { namespace, labels }: Pick<Task, 'namespace' | 'labels'>,
  before: TaskStatus,
  after: TaskStatus,
): FinishedTask | undefined {
  const { phase, agentRef, startTime, completionTime } = after;
  if (!isFinished(phase) || isFinished(before.phase)) return undefined;
  const ms = Date.parse(completionTime ?? '') - Date.parse(startTime ?? '');
  const seconds = Number.isNaN(ms) ? undefined : Math.max(0, ms / 1_000);
  return {
    system: 'kubeopencode',
    namespace,
    agent: agentRef?.name ?? labels[names.agentLabel] ?? '',
    phase,
    ...defined('seconds', seconds),
  };
}

function waits(before: TaskStatus, after: TaskStatus): readonly Told[] {
  const now = conditionOf(after, 'Queued', 'True');
  if (now === undefined || conditionOf(before, 'Queued', 'True')?.reason === now.reason) return [];
  return [{ type: 'Normal', reason: now.reason, message: now.message }];
}

function created(before: TaskStatus, after: TaskStatus): readonly Told[] {
  const now = conditionOf(after, 'PodCreated', 'True');
  if (now === undefined || conditionOf(before, 'PodCreated', 'True') !== undefined) return [];
  const message = `Pod ${after.podNamespace ?? ''}/${after.podName ?? ''} created`;
  return [{ type: 'Normal', reason: 'PodCreated', message }];
}

function ended(before: TaskStatus, after: TaskStatus): readonly Told[] {
  if (!isFinished(after.phase) || isFinished(before.phase)) return [];
  const problem = conditionOf(after, 'Ready', 'False');
  if (after.phase === 'Failed') {
    return [{ type: 'Warning', reason: problem?.reason ?? 'TaskFailed', message: problem?.message ?? 'Task failed' }];
  }
  const stopped = conditionOf(after, 'Stopped', 'True');
  if (stopped !== undefined) return [{ type: 'Normal', reason: 'TaskStopped', message: stopped.message }];
  return [{ type: 'Normal', reason: 'TaskCompleted', message: 'Task completed' }];
}

function conditionOf({ conditions }: TaskStatus, type: string, status: Condition['status']): Condition | undefined {
  return conditions.find((condition) => condition.type === type && condition.status === status);
}
