/** What is told of a Task in events: whatever its status says now and did not say before. Pure. */
import type { TaskStatus } from '../../agents/model.ts';
import type { Told } from '../runtime/tell.ts';
import { waitingOf } from './statuses.ts';

export function eventsOf(before: TaskStatus, after: TaskStatus): readonly Told[] {
  return [...started(before, after), ...waits(before, after), ...arrived(before, after)];
}

function started(before: TaskStatus, { jobName, phase }: TaskStatus): readonly Told[] {
  if (phase !== 'Running' || before.phase === 'Running') return [];
  return [{ type: 'Normal', reason: 'TaskStarted', message: `Job ${jobName ?? ''} runs the Task` }];
}

function waits(before: TaskStatus, after: TaskStatus): readonly Told[] {
  const [was, is] = [waitingOf(before), waitingOf(after)];
  if (is === undefined || is.reason === was?.reason) return [];
  return [{ type: 'Warning', reason: 'TaskWaiting', message: `${is.reason}: ${is.message}` }];
}

function arrived(before: TaskStatus, { phase, conditions, jobName }: TaskStatus): readonly Told[] {
  if (phase === before.phase) return [];
  if (phase === 'Completed') {
    return [{ type: 'Normal', reason: 'TaskCompleted', message: `Job ${jobName ?? ''} has completed` }];
  }
  if (phase !== 'Failed') return [];
  const ready = conditions.find(({ type }) => type === 'Ready');
  return [{ type: 'Warning', reason: ready?.reason ?? 'TaskFailed', message: ready?.message ?? '' }];
}
