/**
 * Tasks, templates and Agents on their way into the cluster: only what no schema can say is refused here. Everything else
 * that is wrong with a Task is told in its status, where whoever has created it looks.
 */
import { agentKinds } from '../agents/kinds.ts';
import { readLabels } from '../agents/parse-labels.ts';
import { readReference } from '../agents/parse-reference.ts';
import { failure } from '../kernel/failure.ts';
import { stableJson } from '../kernel/stable-json.ts';
import { Members as Fields, Problems } from '../workflow/fields.ts';
import type { AdmissionRequest, Members, Resource } from './decode.ts';
import { judged, refuse, skip, type Outcome } from './outcome.ts';

type Check = (spec: Fields) => unknown;

/** An Agent whose Pods carry labels of others would get what is sent to their Service. */
const checks: ReadonlyMap<string, Check> = new Map<string, Check>([
  [nameOf(agentKinds.task), (spec) => readReference(spec, 'agentRef')],
  [nameOf(agentKinds.template), (spec) => readReference(spec, 'agentRef')],
  [nameOf(agentKinds.agent), (spec) => readLabels(spec.object('podSpec'), 'labels')],
  [nameOf(agentKinds.kubeTaskAgent), (spec) => readLabels(spec, 'podLabels')],
]);

function nameOf({ apiVersion, plural }: { readonly apiVersion: string; readonly plural: string }): string {
  return `${plural}.${apiVersion.split('/')[0] ?? ''}`;
}

export function isTask({ group, resource }: Resource): boolean {
  return checks.has(`${resource}.${group}`);
}

/** What is there already keeps its metadata and can be deleted, whatever would be said of it today. */
export function checkTask({ resource, operation, object, oldObject }: AdmissionRequest): Outcome {
  if (operation === 'UPDATE' && specOf(object) === specOf(oldObject)) return skip('work-unchanged');
  const problems = new Problems();
  checks.get(`${resource.resource}.${resource.group}`)?.(new Fields(object, '', problems).object('spec'));
  const { message } = problems;
  return message === undefined ? judged({}) : refuse(failure('TASK_INVALID', message));
}

function specOf(object: Members | undefined): string {
  return stableJson(object?.['spec'] ?? {});
}
