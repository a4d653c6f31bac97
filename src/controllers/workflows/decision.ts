/** What a decision about a workflow consists of, for both engines. */
import type { Kind, KubeObject, NewObject, ObjectPlace } from '../../kernel/kube-object.ts';
import type { ActionRecord } from '../../ports/action-history.ts';
import type { ActionStatus, WorkflowStatus } from '../../workflow/model.ts';

/** In the order in which they are to be done; one that fails ends the round, the next begins from what there is. */
export type Act =
  | { readonly kind: 'create'; readonly object: NewObject; readonly as: Kind }
  | { readonly kind: 'patch'; readonly place: ObjectPlace; readonly patch: object }
  | { readonly kind: 'remove'; readonly place: ObjectPlace; readonly uid: string }
  /** Whoever keeps the history takes it from here; it is not waited for. */
  | { readonly kind: 'record'; readonly records: readonly ActionRecord[] }
  | { readonly kind: 'tell'; readonly type: 'Normal' | 'Warning'; readonly reason: string; readonly message: string }
  /** Of the ActionExecution of a step that Tekton runs. */
  | { readonly kind: 'mirror'; readonly object: KubeObject; readonly status: ActionStatus }
  /** Always last. */
  | { readonly kind: 'status'; readonly status: WorkflowStatus };

export interface Decision {
  readonly acts: readonly Act[];
  /** Absent: only a change is a reason to look again. */
  readonly requeueAfterMs?: number;
}
