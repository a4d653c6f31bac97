/**
 * Statuses as they were written before, by us or by somebody who patched them: what makes no sense is as if it were not
 * there, so that a run is looked at again instead of being stuck.
 */
import { defined } from '../kernel/defined.ts';
import { asRecord } from '../kernel/strict-json.ts';
import {
  failureReasons,
  type ActionPhase,
  type ActionResult,
  type ActionStatus,
  type FailureDetails,
  type StatusCondition,
  type StepPhase,
  type StepStatus,
  type WorkflowPhase,
  type WorkflowStatus,
} from './model.ts';
import { Seen } from './seen.ts';

/** For times that have to be there: what is written back keeps to the schema. */
const longAgo = '1970-01-01T00:00:00Z';

const workflowPhases: readonly WorkflowPhase[] = ['Initializing', 'Executing', 'Completed', 'Failed'];
const stepPhases: readonly StepPhase[] = ['Pending', 'Running', 'Completed', 'Failed', 'Skipped', 'Cancelled'];
const actionPhases: readonly ActionPhase[] = ['Pending', 'Running', 'Completed', 'Failed', 'Cancelled'];

export function parseWorkflowStatus(object: unknown): WorkflowStatus {
  const status = new Seen(new Seen(object).raw('status'));
  const phase = status.oneOf('phase', workflowPhases) ?? '';
  const message = status.text('message') ?? '';
  // It waits for something, and says for what.
  const observedGeneration = defined('observedGeneration', status.number('observedGeneration'));
  if (phase === '') return { phase, message, steps: [], conditions: readConditions(status), ...observedGeneration };
  return {
    phase,
    message,
    ...defined('engine', status.oneOf('engine', ['job', 'tekton'] as const)),
    ...observedGeneration,
    ...defined('startedAt', status.time('startedAt')),
    ...defined('completedAt', status.time('completedAt')),
    steps: readSteps(status),
    ...defined('workspacePVC', status.text('workspacePVC')),
    ...defined('executionRef', readExecutionRef(status)),
    ...defined('failureDetails', readFailure(status)),
    conditions: readConditions(status),
  };
}

export function parseActionStatus(object: unknown): ActionStatus {
  const status = new Seen(new Seen(object).raw('status'));
  const phase = status.oneOf('phase', actionPhases) ?? '';
  if (phase === '') return { phase, conditions: [] };
  return {
    phase,
    ...readResult(status),
    ...defined('observedGeneration', status.number('observedGeneration')),
    ...defined('jobUID', status.text('jobUID')),
    ...defined('waiting', readWaiting(status)),
    ...defined('retryAt', status.time('retryAt')),
    conditions: readConditions(status),
  };
}

/** Of steps of the same name the first counts. */
function readSteps(status: Seen): readonly StepStatus[] {
  const steps = new Map<string, StepStatus>();
  for (const step of status.list('steps')) {
    const name = step.text('name');
    const phase = step.oneOf('phase', stepPhases);
    if (name === undefined || phase === undefined || steps.has(name)) continue;
    steps.set(name, { name, phase, ...readResult(step) });
  }
  return [...steps.values()];
}

function readResult(status: Seen): ActionResult {
  return {
    ...defined('startedAt', status.time('startedAt')),
    ...defined('completedAt', status.time('completedAt')),
    ...defined('executionName', status.text('executionName')),
    ...defined('executionUID', status.text('executionUID')),
    ...defined('podName', status.text('podName')),
    ...defined('image', status.text('image')),
    ...defined('signers', status.texts('signers')),
    ...defined('contract', status.text('contract')),
    ...defined('attempts', status.number('attempts')),
    ...defined('outputs', asRecord(status.raw('outputs'))),
    ...defined('message', status.text('message')),
    ...defined('failureDetails', readFailure(status)),
  };
}

function readFailure(status: Seen): FailureDetails | undefined {
  const details = new Seen(status.raw('failureDetails'));
  const reason = details.oneOf('reason', failureReasons);
  if (reason === undefined) return undefined;
  return {
    reason,
    message: details.text('message') ?? '',
    ...defined('code', details.text('code')),
    ...defined('exitCode', details.number('exitCode')),
    ...defined('failedStepName', details.text('failedStepName')),
    ...defined('failedTaskIndex', details.number('failedTaskIndex')),
    failedAt: details.time('failedAt') ?? longAgo,
    naturalLanguageSummary: details.text('naturalLanguageSummary') ?? '',
    wasExecutionFailure: details.raw('wasExecutionFailure') === true,
  };
}

function readExecutionRef(status: Seen): WorkflowStatus['executionRef'] {
  const reference = new Seen(status.raw('executionRef'));
  const kind = reference.text('kind');
  const name = reference.text('name');
  if (kind === undefined || name === undefined) return undefined;
  return { kind, name, ...defined('uid', reference.text('uid')) };
}

function readWaiting(status: Seen): ActionStatus['waiting'] {
  const waiting = new Seen(status.raw('waiting'));
  const reason = waiting.text('reason');
  const since = waiting.time('since');
  if (reason === undefined || since === undefined) return undefined;
  return { reason, message: waiting.text('message') ?? '', since };
}

export function readConditions(status: Seen): readonly StatusCondition[] {
  return status.list('conditions').flatMap((condition) => {
    const type = condition.text('type');
    const value = condition.oneOf('status', ['True', 'False', 'Unknown'] as const);
    if (type === undefined || value === undefined) return [];
    return [
      {
        type,
        status: value,
        reason: condition.text('reason') ?? '',
        message: condition.text('message') ?? '',
        lastTransitionTime: condition.time('lastTransitionTime') ?? longAgo,
        ...defined('observedGeneration', condition.number('observedGeneration')),
      },
    ];
  });
}
