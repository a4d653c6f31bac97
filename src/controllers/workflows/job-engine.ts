/** Looks at what the Job engine has made for a workflow, and has it decided upon. */
import type { KubeObject } from '../../kernel/kube-object.ts';
import { ok } from '../../kernel/result.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import { actionExecutionName } from '../../workflow/action-execution.ts';
import { kinds } from '../../workflow/kinds.ts';
import type { Workflow } from '../../workflow/model.ts';
import { parseActionStatus } from '../../workflow/parse-status.ts';
import { needsWorkspace, workspaceClaim } from '../../workflow/workspace.ts';
import { decideOnJobs } from './decide-on-jobs.ts';
import type { UnderWay, WorkflowEngine } from './engine.ts';
import type { JobsUnderWay, StepAction } from './jobs-under-way.ts';

export function jobEngine(objects: ClusterObjects): WorkflowEngine {
  /** Since when a running step's ActionExecution is not found: by workflow, by step, in milliseconds. */
  const missingSince = new Map<string, ReadonlyMap<string, number>>();

  function observe(underWay: UnderWay): JobsUnderWay {
    const { workflow, settings } = underWay;
    const actions = byStep(workflow, objects.ownedBy(kinds.action, workflow.uid));
    const missingMs = lookForMissing(underWay, actions);
    if (!needsWorkspace(workflow)) return { ...underWay, actions, missingMs };
    const object = workspaceClaim(workflow, settings);
    const claims = objects.ownedBy(kinds.claim, workflow.uid);
    const existing = claims.find(({ metadata }) => metadata.name === object.metadata.name);
    return { ...underWay, actions, missingMs, claim: { object, existing } };
  }

  function lookForMissing(
    { workflow, status, now }: UnderWay,
    actions: ReadonlyMap<string, StepAction>,
  ): ReadonlyMap<string, number> {
    const before = missingSince.get(workflow.uid);
    const missing = status.steps.filter(({ name, phase }) => phase === 'Running' && !actions.has(name));
    const since = new Map(missing.map(({ name }) => [name, before?.get(name) ?? now.getTime()]));
    if (since.size === 0) missingSince.delete(workflow.uid);
    else missingSince.set(workflow.uid, since);
    return new Map([...since].map(([name, ms]) => [name, now.getTime() - ms]));
  }

  return { decide: async (underWay) => ok(decideOnJobs(observe(underWay))) };
}

/** By name, which nobody can change; labels are for people. */
function byStep(workflow: Workflow, owned: readonly KubeObject[]): ReadonlyMap<string, StepAction> {
  const byName = new Map(owned.map((object) => [object.metadata.name, object]));
  const found = workflow.steps.flatMap((step): readonly (readonly [string, StepAction])[] => {
    const object = byName.get(actionExecutionName(workflow, step));
    if (object === undefined) return [];
    const isCancelled = asRecord(object['spec'])?.['cancel'] === true;
    return [[step.name, { object, status: parseActionStatus(object), isCancelled }]];
  });
  return new Map(found);
}
