/**
 * Workflows on their way into the cluster: one that could never run as it is written is refused with everything that is
 * wrong with it. Images are not looked at here: they are proven before anything runs, and once more at their Pods.
 */
import { failure } from '../kernel/failure.ts';
import { stableJson } from '../kernel/stable-json.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { checkGraph } from '../workflow/graph.ts';
import { kinds, workflowKinds } from '../workflow/kinds.ts';
import type { WorkflowProblem } from '../workflow/model.ts';
import { parseAction } from '../workflow/parse-action.ts';
import { parseWorkflow } from '../workflow/parse-workflow.ts';
import type { AdmissionRequest, Members, Resource } from './decode.ts';
import { judged, refuse, skip, type Outcome } from './outcome.ts';

const resources: ReadonlySet<string> = new Set(
  [...workflowKinds, kinds.action].map(({ apiVersion, plural }) => `${plural}.${apiVersion.split('/')[0] ?? ''}`),
);

export function isWorkflow({ group, resource }: Resource): boolean {
  return resources.has(`${resource}.${group}`);
}

/** What is there already keeps its metadata, and can be suspended and cancelled, whatever would be said of it today. */
export function checkWorkflow({ kind, operation, object, oldObject }: AdmissionRequest): Outcome {
  if (operation === 'UPDATE' && workOf(object) === workOf(oldObject)) return skip('work-unchanged');
  const problem = kind === kinds.action.kind ? problemOfAction(object) : problemOfWorkflow(object);
  return problem === undefined ? judged({}) : refuse(failure('WORKFLOW_INVALID', problem.message));
}

const changeable: ReadonlySet<string> = new Set(['suspend', 'cancel', 'ttlSecondsAfterFinished']);

function workOf(object: Members | undefined): string {
  const members = Object.entries(asRecord(object?.['spec']) ?? {});
  return stableJson(members.filter(([name]) => !changeable.has(name)).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function problemOfAction(object: unknown): WorkflowProblem | undefined {
  const action = parseAction(object);
  return action.ok ? undefined : action.failure;
}

function problemOfWorkflow(object: unknown): WorkflowProblem | undefined {
  const workflow = parseWorkflow(object);
  return workflow.ok ? checkGraph(workflow.value.steps) : workflow.failure;
}
