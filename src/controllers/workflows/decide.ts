/**
 * What is decided about a workflow before an engine has it and after it is finished: whether it may begin and on which
 * engine, that its history is stored, and when it is removed. Pure; the phases between are decided upon by its engine.
 */
import type { KubeObject, ObjectPlace } from '../../kernel/kube-object.ts';
import { quoted } from '../../kernel/failure.ts';
import type { Result } from '../../kernel/result.ts';
import { checkGraph } from '../../workflow/graph.ts';
import { isTrue } from '../../workflow/conditions.ts';
import { names, type ActionRegistry } from '../../workflow/model.ts';
import type { Workflow, WorkflowProblem, WorkflowSettings, WorkflowStatus } from '../../workflow/model.ts';
import { chooseEngine } from '../../workflow/routing.ts';
import type { Decision } from './decision.ts';
import { recordsOf } from './step-records.ts';
import { allPending, ending, wholeFailure, type WholeFailure } from './workflow-failure.ts';

export interface Observed {
  readonly object: KubeObject;
  readonly place: ObjectPlace;
  readonly parsed: Result<Workflow, WorkflowProblem>;
  readonly status: WorkflowStatus;
  readonly settings: WorkflowSettings;
  readonly registry: ActionRegistry;
  readonly isTektonServed: boolean;
  /** API version of the older workflow of the same name in the other group: their children would have the same names. */
  readonly olderTwin?: string;
  /** namespace/name of the unfinished workflow that acts on the same target already. */
  readonly targetHolder?: string;
  readonly history: HistoryState;
  readonly now: Date;
}

/** `unknown`: nobody who is running now has handed over everything. */
export type HistoryState = 'unknown' | 'kept' | 'stored';

export type Next =
  | { readonly kind: 'decided'; readonly decision: Decision; readonly isRecorded?: boolean }
  | { readonly kind: 'under-way'; readonly workflow: Workflow };

const historyPollMs = 2_000;
const keptPollMs = 60_000;

export function decide(observed: Observed): Next {
  const { parsed, status } = observed;
  if (status.phase === 'Completed' || status.phase === 'Failed') return decideFinished(observed);
  if (!parsed.ok)
    return status.phase === '' ? refuse(observed, unfit(parsed.failure)) : pause(observed, parsed.failure);
  return status.phase === '' ? begin(observed, parsed.value) : { kind: 'under-way', workflow: parsed.value };
}

// ---- before it begins

function begin(observed: Observed, workflow: Workflow): Next {
  const refusal = whyNever(observed, workflow);
  if (refusal !== undefined) return refuse(observed, refusal, workflow);
  const engine = chooseEngine(workflow, observed.settings, observed.isTektonServed);
  if (!engine.ok) return refuse(observed, unfit(engine.failure), workflow);
  const waits = whyNotYet(observed, workflow);
  if (waits !== undefined) return statusOnly({ ...observed.status, message: waits });
  if (observed.targetHolder !== undefined)
    return refuse(observed, duplicate(workflow, observed.targetHolder), workflow);
  return statusOnly({
    ...observed.status,
    phase: 'Initializing',
    message: 'Workflow initialized, ready to execute steps',
    engine: engine.value,
    startedAt: observed.now.toISOString(),
    steps: allPending(workflow.steps),
  });
}

/** Changed by somebody after it began: nothing is lost that way. */
function pause({ status }: Observed, { message }: WorkflowProblem): Next {
  const why = quoted(message, 2_000);
  return statusOnly({ ...status, message: `Paused: its spec cannot be read any more, correct it to go on: ${why}` });
}

function whyNever({ olderTwin }: Observed, workflow: Workflow): WholeFailure | undefined {
  const graph = checkGraph(workflow.steps);
  if (graph !== undefined) return unfit(graph);
  if (workflow.cancel) return cancelledBefore;
  return olderTwin === undefined ? undefined : nameTaken(workflow, olderTwin);
}

function whyNotYet({ settings }: Observed, { steps, isApproved, suspend }: Workflow): string | undefined {
  if (suspend) return 'Suspended: nothing starts until spec.suspend is false';
  if (steps.length <= settings.approvalThreshold || isApproved) return undefined;
  return (
    `Waiting for approval: it has ${steps.length} steps, and more than ${settings.approvalThreshold} have to be ` +
    `approved; annotate it with ${names.approvedAnnotation}=true`
  );
}

const cancelledBefore: WholeFailure = {
  reason: 'Cancelled',
  message: 'spec.cancel is true',
  sentence: 'was cancelled before any step of it was started.',
};

function unfit({ reason, message }: WorkflowProblem): WholeFailure {
  return { reason, message, sentence: `was not started: ${message}; correct it and create it again.` };
}

function nameTaken({ name }: Workflow, twin: string): WholeFailure {
  return {
    reason: 'NameTaken',
    message: `there is an older WorkflowExecution ${name} of ${twin} in this namespace`,
    sentence: `was not started: an older WorkflowExecution of ${twin} has the same name, and what both make would have the same names too; create it with another name.`,
  };
}

function duplicate({ targetResource = '' }: Workflow, holder: string): WholeFailure {
  return {
    reason: 'Deduplicated',
    message: `workflow ${holder} acts on ${targetResource}`,
    sentence: `was not started: workflow ${holder} acts on ${targetResource} already; create it again when that one has finished.`,
  };
}

function refuse({ object, status, now }: Observed, failure: WholeFailure, workflow?: Workflow): Next {
  const failureDetails = wholeFailure(object.metadata.name, failure, now);
  const steps = status.steps.length > 0 ? status.steps : allPending(workflow?.steps ?? []);
  return statusOnly({
    ...status,
    phase: 'Failed',
    message: failureDetails.naturalLanguageSummary,
    completedAt: now.toISOString(),
    steps: ending(steps, failure.reason === 'Cancelled' ? 'Cancelled' : 'Skipped'),
    failureDetails,
  });
}

function statusOnly(status: WorkflowStatus): Next {
  return { kind: 'decided', decision: { acts: [{ kind: 'status', status }] } };
}

// ---- after it has ended

function decideFinished(observed: Observed): Next {
  const { parsed, status, history, registry, now } = observed;
  if (isTrue(status, 'Recorded')) return removeInTime(observed);
  // Nothing was run, or nobody can say any more what was asked for.
  const hasNone = status.engine === undefined || !parsed.ok;
  if (hasNone || history === 'stored') {
    return { kind: 'decided', decision: { acts: [{ kind: 'status', status }] }, isRecorded: true };
  }
  const records = history === 'kept' ? [] : recordsOf(parsed.value, status, registry, now);
  const acts = records.length === 0 ? [] : [{ kind: 'record', records } as const];
  // Whoever keeps them says when they are stored.
  const requeueAfterMs = history === 'kept' ? keptPollMs : historyPollMs;
  return { kind: 'decided', decision: { acts, requeueAfterMs } };
}

function removeInTime({ object, place, parsed, status, settings, now }: Observed): Next {
  const ttl = (parsed.ok ? parsed.value.ttlSecondsAfterFinished : undefined) ?? settings.workflowTtlSeconds;
  if (ttl === undefined || status.completedAt === undefined) return { kind: 'decided', decision: { acts: [] } };
  const remainsMs = Date.parse(status.completedAt) + ttl * 1_000 - now.getTime();
  if (remainsMs > 0) return { kind: 'decided', decision: { acts: [], requeueAfterMs: remainsMs } };
  return { kind: 'decided', decision: { acts: [{ kind: 'remove', place, uid: object.metadata.uid }] } };
}
