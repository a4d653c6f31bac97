/** How many steps run, and how many could but for the limit, over all workflows on Jobs. */
import type { ObjectPlace } from '../../kernel/kube-object.ts';
import type { WorkflowMetrics } from '../../ports/workflow-metrics.ts';
import type { Workflow, WorkflowSettings, WorkflowStatus } from '../../workflow/model.ts';
import { readySteps } from '../../workflow/ready-steps.ts';

interface OfOne {
  readonly active: number;
  readonly queued: number;
}

export interface ParallelSteps {
  note(place: ObjectPlace, workflow: Workflow, status: WorkflowStatus): void;
  forget(place: ObjectPlace): void;
  clear(): void;
}

export function parallelSteps(metrics: WorkflowMetrics, settings: () => WorkflowSettings): ParallelSteps {
  const each = new Map<string, OfOne>();
  const sum = { active: 0, queued: 0 };

  function replace(key: string, now: OfOne | undefined): void {
    const before = each.get(key);
    if (before === undefined && now === undefined) return;
    sum.active += (now?.active ?? 0) - (before?.active ?? 0);
    sum.queued += (now?.queued ?? 0) - (before?.queued ?? 0);
    if (now === undefined) each.delete(key);
    else each.set(key, now);
    metrics.parallelSteps({ ...sum, max: settings().maxParallelSteps });
  }

  return {
    note: (place, workflow, status) => replace(keyOf(place), ofOne(workflow, status)),
    forget: (place) => replace(keyOf(place), undefined),
    clear: () => [...each.keys()].forEach((key) => replace(key, undefined)),
  };
}

function ofOne(workflow: Workflow, { phase, engine, steps }: WorkflowStatus): OfOne | undefined {
  if (phase !== 'Executing' || engine !== 'job') return undefined;
  const phases = new Map(steps.map((step) => [step.name, step.phase]));
  const active = steps.filter((step) => step.phase === 'Running').length;
  return { active, queued: readySteps(workflow.steps, phases, Infinity).length };
}

function keyOf({ kind, namespace = '', name }: ObjectPlace): string {
  return `${kind.apiVersion} ${namespace}/${name}`;
}
