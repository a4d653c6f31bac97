/** Looks at what the Job engine has made for a workflow, and has it decided upon. */
import { LRUCache } from 'lru-cache';
import type { KubeObject } from '../../kernel/kube-object.ts';
import { ok, type Result } from '../../kernel/result.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import { actionExecutionName } from '../../workflow/action-execution.ts';
import { isControlledBy } from '../../workflow/controller-reference.ts';
import { kinds } from '../../workflow/kinds.ts';
import type { Workflow } from '../../workflow/model.ts';
import { parseActionStatus } from '../../workflow/parse-status.ts';
import { needsWorkspace, workspaceClaim } from '../../workflow/workspace.ts';
import { limited } from '../runtime/limited.ts';
import { decideOnJobs } from './decide-on-jobs.ts';
import type { UnderWay, WorkflowEngine } from './engine.ts';
import { removalGraceMs, type JobsUnderWay, type StepAction } from './jobs-under-way.ts';

const readTimeoutMs = 10_000;
/** Those that are deleted under way are forgotten when there are so many others. */
const maxWorkflows = 2_000;

export function jobEngine(objects: ClusterObjects): WorkflowEngine {
  /** Since when a running step's ActionExecution is not found: by workflow, by step, in milliseconds. */
  const missingSince = new LRUCache<string, ReadonlyMap<string, number>>({ max: maxWorkflows });

  function observe(underWay: UnderWay): JobsUnderWay {
    const { workflow, settings } = underWay;
    const actions = byStep(workflow, objects.ownedBy(kinds.action, workflow.uid, workflow.namespace));
    const missingMs = lookForMissing(underWay, actions);
    if (!needsWorkspace(workflow)) return { ...underWay, actions, missingMs };
    const object = workspaceClaim(workflow, settings);
    const claims = objects.ownedBy(kinds.claim, workflow.uid, workflow.namespace);
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

  /** Nothing is said to be removed because somebody was slow to tell: what is there after all is waited for anew. */
  async function lookAgain(
    { workflow }: UnderWay,
    { missingMs }: JobsUnderWay,
    signal: AbortSignal,
  ): Promise<Result<void>> {
    const late = workflow.steps.filter(({ name }) => (missingMs.get(name) ?? 0) >= removalGraceMs);
    for (const step of late) {
      const place = { kind: kinds.action, namespace: workflow.namespace, name: actionExecutionName(workflow, step) };
      const read = await objects.read(place, limited(signal, readTimeoutMs));
      if (!read.ok) return read;
      if (read.value === undefined || !isControlledBy(read.value, workflow.uid)) continue;
      const others = [...(missingSince.get(workflow.uid) ?? [])].filter(([name]) => name !== step.name);
      missingSince.set(workflow.uid, new Map(others));
    }
    return ok(undefined);
  }

  return {
    decide: async (underWay, signal) => {
      const looked = await lookAgain(underWay, observe(underWay), signal);
      return looked.ok ? ok(decideOnJobs(observe(underWay))) : looked;
    },
  };
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
