/**
 * What follows from a change of status, whichever engine it is of: events for people, records for the history, and what is
 * counted. Pure; said before the status is written, so that what was told twice after a crash is at worst told twice.
 */
import { defined } from '../../kernel/defined.ts';
import { quoted } from '../../kernel/failure.ts';
import type { FinishedStep, FinishedWorkflow } from '../../ports/workflow-metrics.ts';
import type { ActionRegistry, StepStatus, Workflow, WorkflowStatus } from '../../workflow/model.ts';
import type { Act } from './decision.ts';
import { durationMs, newRecords } from './step-records.ts';

/** A closed set. */
type EventReason =
  | 'WorkflowInitialized'
  | 'WorkflowWaiting'
  | 'ExecutionCreated'
  | 'StepCompleted'
  | 'StepFailed'
  | 'WorkflowCompleted'
  | 'WorkflowFailed'
  | 'WorkflowDeduplicated';

function tell(reason: EventReason, message: string): Act {
  const isBad = reason === 'StepFailed' || reason === 'WorkflowFailed' || reason === 'WorkflowDeduplicated';
  return { kind: 'tell', type: isBad ? 'Warning' : 'Normal', reason, message: quoted(message, 1_000) };
}

/** Steps before the workflow that they make an end of. */
export function eventsOf(before: WorkflowStatus, after: WorkflowStatus): readonly Act[] {
  const phases = phasesOf(before);
  const ofSteps = after.steps.filter(({ name, phase }) => phases.get(name) !== phase).flatMap(ofStep);
  return [...ofSteps, ...ofPhase(before, after)];
}

function ofStep({ name, phase, failureDetails }: StepStatus): readonly Act[] {
  switch (phase) {
    case 'Completed':
      return [tell('StepCompleted', `Step ${name} completed`)];
    case 'Failed':
      return [tell('StepFailed', failureDetails?.naturalLanguageSummary ?? `Step ${name} failed`)];
    case 'Pending':
    case 'Running':
    case 'Skipped':
    case 'Cancelled':
      return [];
  }
}

function ofPhase(before: WorkflowStatus, { phase, message, failureDetails }: WorkflowStatus): readonly Act[] {
  if (before.phase === phase) {
    return phase === '' && before.message !== message ? [tell('WorkflowWaiting', message)] : [];
  }
  switch (phase) {
    case '':
      return [];
    case 'Initializing':
      return [tell('WorkflowInitialized', message)];
    case 'Executing':
      return [tell('ExecutionCreated', message)];
    case 'Completed':
      return [tell('WorkflowCompleted', message)];
    case 'Failed':
      return [tell(failureDetails?.reason === 'Deduplicated' ? 'WorkflowDeduplicated' : 'WorkflowFailed', message)];
  }
}

export function recordsOfChange(
  workflow: Workflow,
  before: WorkflowStatus,
  after: WorkflowStatus,
  registry: ActionRegistry,
  now: Date,
): readonly Act[] {
  const records = newRecords(workflow, before.steps, after, registry, now);
  return records.length === 0 ? [] : [{ kind: 'record', records }];
}

// ---- what is counted, once the status is written

export function stepsFinished(before: WorkflowStatus, after: WorkflowStatus): readonly FinishedStep[] {
  const { engine } = after;
  if (engine === undefined) return [];
  const phases = phasesOf(before);
  return after.steps.flatMap(({ name, phase, failureDetails, startedAt, completedAt }) => {
    if (phase === 'Pending' || phase === 'Running' || phases.get(name) === phase) return [];
    const ms = durationMs(startedAt, completedAt);
    return [
      {
        engine,
        phase,
        ...defined('failure', failureDetails?.reason),
        ...defined('seconds', ms === undefined ? undefined : ms / 1_000),
      },
    ];
  });
}

export function workflowFinished(
  before: WorkflowStatus,
  after: WorkflowStatus,
  createdAt: string | undefined,
): FinishedWorkflow | undefined {
  if (before.phase === after.phase || (after.phase !== 'Completed' && after.phase !== 'Failed')) return undefined;
  return {
    ...defined('engine', after.engine),
    ...defined('failure', after.failureDetails?.reason),
    seconds: (durationMs(after.startedAt, after.completedAt) ?? 0) / 1_000,
    secondsSinceCreation: (durationMs(createdAt, after.completedAt) ?? 0) / 1_000,
  };
}

function phasesOf({ steps }: WorkflowStatus): ReadonlyMap<string, StepStatus['phase']> {
  return new Map(steps.map(({ name, phase }) => [name, phase]));
}
