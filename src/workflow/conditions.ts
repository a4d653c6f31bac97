/** Conditions of a WorkflowExecution: they follow from its phase, but for `Recorded`, which the history decides. Pure. */
import type { StatusCondition, WorkflowPhase, WorkflowStatus } from './model.ts';

const types = ['ExecutionCreated', 'ExecutionRunning', 'ExecutionComplete', 'Ready', 'Recorded'] as const;
type ConditionType = (typeof types)[number];
type Said = Pick<StatusCondition, 'status' | 'reason' | 'message'>;

/** The status as it is to be written: conditions change their time only with their status, and others' are kept. */
export function withConditions(
  status: WorkflowStatus,
  { generation, now, isRecorded = false }: { generation: number; now: Date; isRecorded?: boolean },
): WorkflowStatus {
  const said = whatIsSaid(status, isRecorded);
  const own = types.flatMap((type) => {
    const says = said[type];
    if (says === undefined) return [];
    const before = status.conditions.find((condition) => condition.type === type);
    const since = before?.status === says.status ? before.lastTransitionTime : now.toISOString();
    return [{ type, ...says, lastTransitionTime: since, observedGeneration: generation }];
  });
  const others = status.conditions.filter(({ type }) => !types.some((ours) => ours === type));
  return { ...status, observedGeneration: generation, conditions: [...others, ...own] };
}

export function isTrue(status: Pick<WorkflowStatus, 'conditions'>, type: ConditionType): boolean {
  return status.conditions.some((condition) => condition.type === type && condition.status === 'True');
}

const reasons: Readonly<Record<WorkflowPhase, string>> = {
  '': 'Waiting',
  Initializing: 'Initializing',
  Executing: 'Executing',
  Completed: 'Completed',
  Failed: 'Failed',
};

/** Absent: not said at all. */
function whatIsSaid(status: WorkflowStatus, isRecorded: boolean): Partial<Readonly<Record<ConditionType, Said>>> {
  const { phase, message, failureDetails } = status;
  const reason = failureDetails?.reason ?? reasons[phase];
  const isFinished = phase === 'Completed' || phase === 'Failed';
  const says = (is: boolean, text = ''): Said => ({ status: is ? 'True' : 'False', reason, message: text });
  return {
    ExecutionCreated: says(phase === 'Executing' || phase === 'Completed' || isTrue(status, 'ExecutionCreated')),
    ExecutionRunning: says(phase === 'Executing'),
    ExecutionComplete: says(isFinished),
    Ready: says(phase === 'Completed', message),
    ...(isFinished && { Recorded: recorded(isRecorded || isTrue(status, 'Recorded')) }),
  };
}

function recorded(isRecorded: boolean): Said {
  return isRecorded
    ? { status: 'True', reason: 'Stored', message: 'every step is in the history of actions' }
    : { status: 'False', reason: 'Underway', message: 'not every step is in the history of actions yet' };
}
