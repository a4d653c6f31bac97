/** What is known of an action when it is decided upon, and what a decision consists of. */
import type { ActionContract } from '../../contract/model.ts';
import type { Failure } from '../../kernel/failure.ts';
import type { NewObject, ObjectPlace } from '../../kernel/kube-object.ts';
import type { Result } from '../../kernel/result.ts';
import type { ActionToProve, ProvenAction } from '../../ports/actions.ts';
import type { Warning } from '../../ports/cluster-objects.ts';
import type { Action, ActionRegistry, ActionStatus, WorkflowProblem, WorkflowSettings } from '../../workflow/model.ts';
import type { Setback } from '../runtime/answers.ts';
import type { AttemptJob } from './observe.ts';

export interface Observed {
  readonly parsed: Result<Action, WorkflowProblem>;
  readonly namespace: string;
  readonly name: string;
  readonly generation: number;
  readonly status: ActionStatus;
  readonly settings: WorkflowSettings;
  readonly registry: ActionRegistry;
  /** Ours, of all attempts. */
  readonly jobs: readonly AttemptJob[];
  /** For how long the Job of the status was looked for and not found. */
  readonly missingMs: number;
  /** Of this round; absent: nobody has asked yet. */
  readonly proof?: Result<ProvenAction, Failure>;
  /** Of the image that has run, as far as it is known without asking. */
  readonly contract?: ActionContract;
  /** Of this round. */
  readonly log?: LogRead;
  /** Of this round: what is told of its Job, if anything is. */
  readonly told?: { readonly warning?: Warning };
  readonly setbacks: readonly Setback[];
  readonly now: Date;
}

/** `gone`: there is nothing to be read any more. */
export type LogRead =
  | { readonly kind: 'read'; readonly text: string }
  | { readonly kind: 'gone' }
  | { readonly kind: 'unavailable'; readonly why: string };

/** In the order in which they are to be done. What comes after the status tidies up, and is decided again if it is not done. */
export type ActionAct =
  | { readonly kind: 'create'; readonly object: NewObject }
  | { readonly kind: 'remove'; readonly place: ObjectPlace; readonly uid: string }
  | { readonly kind: 'patch'; readonly place: ObjectPlace; readonly patch: object }
  | { readonly kind: 'status'; readonly status: ActionStatus };

export interface ActionDecision {
  readonly kind: 'decided';
  readonly acts: readonly ActionAct[];
  /** Absent: only a change is a reason to look again. */
  readonly requeueAfterMs?: number;
}

/** Something has to be found out first, which takes a look outside; then it is decided again. */
export type Next =
  | ActionDecision
  | { readonly kind: 'prove'; readonly what: ActionToProve }
  | { readonly kind: 'read-log'; readonly pod: string }
  /** `job`: a UID. */
  | { readonly kind: 'read-warning'; readonly job: string };
