/** Which workflows have not ended, and for how long they have been there: for whoever watches over them. Pure. */
import type { KubeObject } from '../../kernel/kube-object.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import { names, type WorkflowSettings } from '../../workflow/model.ts';

export interface Unfinished {
  /** What it waits for, if that is somebody's decision. */
  readonly state: 'running' | 'suspended' | 'unapproved';
  readonly count: number;
  /** Of the oldest. */
  readonly oldestSeconds: number;
}

export function unfinishedWorkflows(
  workflows: readonly KubeObject[],
  { approvalThreshold }: Pick<WorkflowSettings, 'approvalThreshold'>,
  now: Date,
): readonly Unfinished[] {
  const found = new Map<Unfinished['state'], Unfinished>();
  for (const workflow of workflows) {
    const phase = asRecord(workflow['status'])?.['phase'];
    if (phase === 'Completed' || phase === 'Failed') continue;
    const state = stateOf(workflow, approvalThreshold);
    const { count, oldestSeconds } = found.get(state) ?? { count: 0, oldestSeconds: 0 };
    const age = (now.getTime() - Date.parse(workflow.metadata.creationTimestamp ?? '')) / 1_000;
    found.set(state, { state, count: count + 1, oldestSeconds: Math.max(oldestSeconds, age > 0 ? age : 0) });
  }
  return [...found.values()];
}

function stateOf(workflow: KubeObject, approvalThreshold: number): Unfinished['state'] {
  const spec = asRecord(workflow['spec']) ?? {};
  if (spec['suspend'] === true) return 'suspended';
  const hasBegun = (asRecord(workflow['status'])?.['phase'] ?? '') !== '';
  const isApproved = workflow.metadata.annotations?.[names.approvedAnnotation] === 'true';
  const steps = Array.isArray(spec['steps']) ? spec['steps'].length : 0;
  return !hasBegun && !isApproved && steps > approvalThreshold ? 'unapproved' : 'running';
}
