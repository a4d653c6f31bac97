/** What the Job engine knows of a workflow when it decides, and in how much time it has to look again. Pure. */
import type { KubeObject, NewObject } from '../../kernel/kube-object.ts';
import type { ActionStatus, StepPhase, StepStatus, WorkflowStatus } from '../../workflow/model.ts';
import type { Act, Decision } from './decision.ts';
import { remainingMs, type UnderWay } from './engine.ts';

/** An ActionExecution of this workflow. */
export interface StepAction {
  readonly object: KubeObject;
  readonly status: ActionStatus;
  readonly isCancelled: boolean;
}

export interface JobsUnderWay extends UnderWay {
  /** By step. */
  readonly actions: ReadonlyMap<string, StepAction>;
  /** As it is to be, and as it is if it is ours; absent: no step uses the workspace. */
  readonly claim?: { readonly object: NewObject; readonly existing: KubeObject | undefined };
  /** For how long the ActionExecution of a step was looked for and not found, by step, in milliseconds. */
  readonly missingMs: ReadonlyMap<string, number>;
}

export const isFailure = ({ phase }: StepStatus): boolean => phase === 'Failed' || phase === 'Cancelled';
export const isRunning = ({ phase }: StepStatus): boolean => phase === 'Running';

export function phasesOf(steps: readonly StepStatus[]): ReadonlyMap<string, StepPhase> {
  return new Map(steps.map(({ name, phase }) => [name, phase]));
}

/** What is written may be seen late by a process that has just begun to watch. */
export const removalGraceMs = 5_000;

/** Looked at again when the time of the run or of a search is over. */

export function goingOn(observed: JobsUnderWay, acts: readonly Act[], status: WorkflowStatus): Decision {
  const times = [
    remainingMs(observed.workflow, status, observed.now) ?? 0,
    ...status.steps
      .filter((step) => isRunning(step) && observed.missingMs.has(step.name))
      .map(({ name }) => removalGraceMs - (observed.missingMs.get(name) ?? 0)),
  ].filter((ms) => ms > 0);
  const all: readonly Act[] = [...acts, { kind: 'status', status }];
  return times.length === 0 ? { acts: all } : { acts: all, requeueAfterMs: Math.min(...times) };
}
