/**
 * Statuses as they were written before, by us, by the controller before us or by somebody who patched them. What cannot
 * be read must never mean that there is room for another Task, or that a Task may begin once more.
 */
import { defined } from '../kernel/defined.ts';
import { readConditions } from '../workflow/parse-status.ts';
import { Seen } from '../workflow/seen.ts';
import type { Place, TaskPhase, TaskStart, TaskStatus } from './model.ts';

const phases: readonly TaskPhase[] = ['', 'Pending', 'Queued', 'Running', 'Completed', 'Failed'];

export function parseTaskStatus(object: unknown): TaskStatus {
  const status = new Seen(new Seen(object).raw('status'));
  return {
    phase: phaseOf(status),
    ...defined('observedGeneration', status.number('observedGeneration')),
    ...defined('agentRef', readAgentRef(status)),
    ...defined('podName', status.text('podName')),
    ...defined('podNamespace', status.text('podNamespace')),
    ...defined('jobName', status.text('jobName')),
    ...defined('startTime', status.time('startTime')),
    ...defined('completionTime', status.time('completionTime')),
    conditions: readConditions(status),
  };
}

/**
 * Running is what takes up room and is looked after until its Pod says how it ended: so it is what an unknown phase
 * counts as, and none where something has begun already.
 */
function phaseOf(status: Seen): TaskPhase {
  const written = status.raw('phase') ?? '';
  const phase = phases.find((one) => one === written) ?? 'Running';
  const hasBegun = status.text('startTime') !== undefined || status.text('podName') !== undefined;
  return phase === '' && hasBegun ? 'Running' : phase;
}

function readAgentRef(status: Seen): Place | undefined {
  const reference = new Seen(status.raw('agentRef'));
  const name = reference.text('name');
  const namespace = reference.text('namespace');
  return name === undefined || namespace === undefined ? undefined : { namespace, name };
}

/**
 * The history of an Agent. The schema has it that every record has a time; one that has none counts as long as the
 * newest of them does, rather than not at all.
 */
export function parseTaskStarts(agentObject: unknown): readonly TaskStart[] {
  const records = new Seen(new Seen(agentObject).raw('status')).list('taskStartHistory');
  const times = records.map((record) => record.time('startTime')).filter((time) => time !== undefined);
  const newest = times.reduce((one, other) => (Date.parse(other) > Date.parse(one) ? other : one), times[0] ?? '');
  if (newest === '') return [];
  return records.map((record) => ({
    taskName: record.text('taskName') ?? '',
    taskNamespace: record.text('taskNamespace') ?? '',
    startTime: record.time('startTime') ?? newest,
  }));
}
