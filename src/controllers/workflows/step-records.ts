/** What the history is told when a workflow's status changes: that a step began, and how it ended. Pure. */
import { defined } from '../../kernel/defined.ts';
import type { ActionRecord, ActionRecordStatus } from '../../ports/action-history.ts';
import type {
  ActionRegistry,
  StepPhase,
  StepStatus,
  Workflow,
  WorkflowStatus,
  WorkflowStep,
} from '../../workflow/model.ts';

const recordedAs: Readonly<Record<Exclude<StepPhase, 'Pending'>, ActionRecordStatus>> = {
  Running: 'executing',
  Completed: 'completed',
  Failed: 'failed',
  Skipped: 'skipped',
  Cancelled: 'cancelled',
};

/** Of every step whose phase has changed; none before an engine was chosen, as nothing was run then. */
export function newRecords(
  workflow: Workflow,
  before: readonly StepStatus[],
  after: WorkflowStatus,
  registry: ActionRegistry,
  now: Date,
): readonly ActionRecord[] {
  const phases = new Map(before.map(({ name, phase }) => [name, phase]));
  const isNew = ({ name, phase }: StepStatus): boolean => (phases.get(name) ?? 'Pending') !== phase;
  return recordsOf(workflow, { ...after, steps: after.steps.filter(isNew) }, registry, now);
}

/** Of every step that has begun or ended. */
export function recordsOf(
  workflow: Workflow,
  { engine, steps }: Pick<WorkflowStatus, 'engine' | 'steps'>,
  registry: ActionRegistry,
  now: Date,
): readonly ActionRecord[] {
  if (engine === undefined) return [];
  const asked = new Map(workflow.steps.map((step) => [step.name, step]));
  return steps.flatMap((status) => {
    const step = asked.get(status.name);
    if (step === undefined || status.phase === 'Pending') return [];
    return [{ ...whatWasAsked(workflow, step, registry), engine, ...whatCame(status, status.phase, now) }];
  });
}

function whatWasAsked(workflow: Workflow, step: WorkflowStep, registry: ActionRegistry) {
  const { uid, name, namespace, workflowType, reason } = workflow;
  const registered = step.actionType === undefined ? undefined : registry.actions.get(step.actionType);
  return {
    workflowUid: uid,
    step: step.name,
    workflowId: name,
    namespace,
    ...defined('workflowType', workflowType),
    ...defined('reason', reason),
    actionType: step.actionType ?? '',
    image: step.image ?? registered?.image ?? '',
    inputs: step.inputs,
  };
}

function whatCame(status: StepStatus, phase: Exclude<StepPhase, 'Pending'>, now: Date) {
  const { startedAt, completedAt, failureDetails } = status;
  const executedAt = startedAt ?? completedAt ?? now.toISOString();
  return {
    ...defined('image', status.image),
    status: recordedAs[phase],
    executedAt,
    // What was skipped is over in the moment in which that is known.
    ...defined('completedAt', completedAt ?? (phase === 'Running' ? undefined : executedAt)),
    ...defined('durationMs', durationMs(startedAt, completedAt)),
    ...defined('outputs', status.outputs),
    ...defined('signers', status.signers),
    ...defined('contract', status.contract),
    ...defined('attempts', status.attempts),
    ...defined('failureReason', failureDetails?.reason),
    ...defined('failureMessage', failureDetails?.message),
    ...defined('exitCode', failureDetails?.exitCode),
  };
}

export function durationMs(from: string | undefined, to: string | undefined): number | undefined {
  if (from === undefined || to === undefined) return undefined;
  return Math.max(0, Date.parse(to) - Date.parse(from));
}
