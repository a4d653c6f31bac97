/** Looks at what the Job engine has made for a workflow, and has it decided upon. */
import { ok } from '../../kernel/result.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import { kinds } from '../../workflow/kinds.ts';
import { names } from '../../workflow/model.ts';
import { parseActionStatus } from '../../workflow/parse-status.ts';
import { needsWorkspace, workspaceClaim } from '../../workflow/workspace.ts';
import { decideOnJobs, type JobsUnderWay, type StepAction } from './decide-on-jobs.ts';
import type { UnderWay, WorkflowEngine } from './engine.ts';

export function jobEngine(objects: ClusterObjects): WorkflowEngine {
  /** Since when a running step's ActionExecution is not found: by workflow, by step, in milliseconds. */
  const missingSince = new Map<string, ReadonlyMap<string, number>>();

  function observe(underWay: UnderWay): JobsUnderWay {
    const { workflow, settings } = underWay;
    const actions = new Map(objects.ownedBy(kinds.action, workflow.uid).flatMap(byStep));
    const missingMs = lookForMissing(underWay, actions);
    if (!needsWorkspace(workflow)) return { ...underWay, actions, missingMs };
    const object = workspaceClaim(workflow, settings);
    const place = { kind: kinds.claim, namespace: workflow.namespace, name: object.metadata.name };
    return { ...underWay, actions, missingMs, claim: { object, existing: objects.get(place) } };
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

function byStep(object: ReturnType<ClusterObjects['list']>[number]): readonly (readonly [string, StepAction])[] {
  const step = object.metadata.labels?.[names.stepLabel];
  if (step === undefined) return [];
  const isCancelled = asRecord(object['spec'])?.['cancel'] === true;
  return [[step, { object, status: parseActionStatus(object), isCancelled }]];
}
