/**
 * ActionExecutions of steps that Tekton runs, for those who ask for them: they run nothing and say what the TaskRun says. What
 * cannot be created is left out; no step fails because of it. Pure.
 */
import { defined } from '../../kernel/defined.ts';
import type { KubeObject } from '../../kernel/kube-object.ts';
import { stableJson } from '../../kernel/stable-json.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import { actionExecution, actionExecutionName } from '../../workflow/action-execution.ts';
import { kinds } from '../../workflow/kinds.ts';
import { names, type ActionPhase, type ActionStatus, type StepPhase, type StepStatus } from '../../workflow/model.ts';
import { parseActionStatus } from '../../workflow/parse-status.ts';
import type { Act } from './decision.ts';
import type { TektonUnderWay } from './tekton-under-way.ts';

/** A workflow does not end before all of them are there. */
export interface Tracking {
  readonly creations: readonly Act[];
  readonly mirrors: readonly Act[];
}

export function trackingOf(observed: TektonUnderWay, steps: readonly StepStatus[]): Tracking {
  const { workflow, settings } = observed;
  if (!(workflow.trackingActionExecutions ?? settings.tekton.trackingActionExecutions)) {
    return { creations: [], mirrors: [] };
  }
  const actions = new Map(observed.actions.map((action) => [action.metadata.labels?.[names.stepLabel], action]));
  const begun = steps.filter(({ executionName }) => executionName !== undefined);
  return {
    creations: begun.flatMap((step) => (actions.has(step.name) ? [] : creation(observed, step))),
    mirrors: begun.flatMap((step) => mirror(actions.get(step.name), step)),
  };
}

const mostRefused = 2;

function creation({ workflow, setbacks, claims }: TektonUnderWay, status: StepStatus): readonly Act[] {
  const step = workflow.steps.find(({ name }) => name === status.name);
  if (step === undefined) return [];
  const name = actionExecutionName(workflow, step);
  const refused = setbacks.filter(({ place }) => place.kind === kinds.action);
  // Each costs a decision of this round, and the status is to be written in it.
  if (refused.length >= mostRefused || refused.some(({ place }) => place.name === name)) return [];
  const object = actionExecution(workflow, step, status.image ?? step.image ?? '', claims[0]?.metadata.name);
  const spec = { ...asRecord(object['spec']), ...defined('mirrors', status.executionName) };
  return [{ kind: 'create', object: { ...object, spec }, as: kinds.action }];
}

const phases: Readonly<Record<StepPhase, ActionPhase>> = {
  Pending: 'Pending',
  Running: 'Running',
  Completed: 'Completed',
  Failed: 'Failed',
  Skipped: 'Cancelled',
  Cancelled: 'Cancelled',
};

function mirror(action: KubeObject | undefined, step: StepStatus): readonly Act[] {
  if (action === undefined) return [];
  const { name: _, phase, ...result } = step;
  const before = parseActionStatus(action);
  const status: ActionStatus = {
    phase: phases[phase],
    ...result,
    ...defined('observedGeneration', action.metadata.generation),
    conditions: before.conditions,
  };
  return stableJson(status) === stableJson(before) ? [] : [{ kind: 'mirror', object: action, status }];
}
