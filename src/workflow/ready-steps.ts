/** Which steps may start now, and which never will. Steps without a phase are Pending. */
import type { StepPhase, WorkflowStep } from './model.ts';

type Phases = ReadonlyMap<string, StepPhase>;

/** In the order in which they are written; what runs already counts against `maxParallel`. */
export function readySteps(
  steps: readonly WorkflowStep[],
  phases: Phases,
  maxParallel: number,
): readonly WorkflowStep[] {
  const running = steps.filter(({ name }) => phases.get(name) === 'Running').length;
  return steps.filter((step) => isReady(step, phases)).slice(0, Math.max(0, maxParallel - running));
}

function isReady({ name, runAfter }: WorkflowStep, phases: Phases): boolean {
  return isPending(name, phases) && runAfter.every((parent) => phases.get(parent) === 'Completed');
}

/** Those that wait, directly or not, for one that did not complete and never will. */
export function unreachableSteps(steps: readonly WorkflowStep[], phases: Phases): readonly WorkflowStep[] {
  const dependents = new Map<string, string[]>();
  for (const { name, runAfter } of steps) {
    for (const parent of runAfter) dependents.set(parent, [...(dependents.get(parent) ?? []), name]);
  }
  const open = steps.map(({ name }) => name).filter((name) => isLost(phases.get(name)));
  const lost = new Set(open);
  // The list grows while it is walked through.
  for (const name of open) {
    const further = (dependents.get(name) ?? []).filter((one) => isPending(one, phases) && !lost.has(one));
    for (const one of further) lost.add(one);
    open.push(...further);
  }
  return steps.filter(({ name }) => isPending(name, phases) && lost.has(name));
}

function isPending(name: string, phases: Phases): boolean {
  return (phases.get(name) ?? 'Pending') === 'Pending';
}

function isLost(phase: StepPhase | undefined): boolean {
  return phase === 'Failed' || phase === 'Skipped' || phase === 'Cancelled';
}
