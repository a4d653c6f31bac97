/** What is known of a Task of KubeTask when it is decided upon, and what a decision consists of. */
import type { TaskIdentity } from '../../agents/kube-task-names.ts';
import type { ConfigMaps, KubeTask, KubeTaskAgent, TaskProblem, TaskStatus } from '../../agents/model.ts';
import type { NeededConfigMap } from '../../agents/needed-config-maps.ts';
import type { Kind, NewObject, ObjectPlace } from '../../kernel/kube-object.ts';
import type { Result } from '../../kernel/result.ts';
import type { Warning } from '../../ports/cluster-objects.ts';
import type { Setback } from '../runtime/answers.ts';
import type { TaskJob } from './observe.ts';

export interface Observed {
  readonly task: TaskIdentity;
  readonly generation: number;
  readonly parsed: Result<KubeTask, TaskProblem>;
  readonly status: TaskStatus;
  /** `missing`: nobody has told us of it; `absent`: the API server says that there is none. */
  readonly agent: Result<KubeTaskAgent, TaskProblem> | 'missing' | 'absent';
  /** Ours. */
  readonly job?: TaskJob;
  /** What others had written into it before this process began to lead is known. */
  readonly isCurrent: boolean;
  /** For how long the Job of a Running Task was looked for and not found. */
  readonly missingMs: number;
  /** Of this round; absent: nobody has asked yet. */
  readonly configMaps?: ConfigMaps;
  /** Of this round: what is told of its Job or Pod, if anything is. */
  readonly told?: { readonly warning?: Warning };
  readonly setbacks: readonly Setback[];
  readonly now: Date;
}

/** In the order in which they are to be done. */
export type TaskAct =
  | { readonly kind: 'create'; readonly object: NewObject; readonly as: Kind }
  | { readonly kind: 'remove'; readonly place: ObjectPlace; readonly uid: string }
  /** The ConfigMap with its files, if it has one: ConfigMaps are not watched. */
  | { readonly kind: 'remove-files' }
  | { readonly kind: 'status'; readonly status: TaskStatus };

export interface TaskDecision {
  readonly kind: 'decided';
  readonly acts: readonly TaskAct[];
  /** Absent: only a change is a reason to look again. */
  readonly requeueAfterMs?: number;
}

/** Something has to be found out first, which takes a look outside; then it is decided again. */
export type Next =
  | TaskDecision
  | { readonly kind: 'read-task' }
  | { readonly kind: 'read-agent' }
  | { readonly kind: 'read-config-maps'; readonly places: readonly NeededConfigMap[] }
  /** What is told of the object with this UID. */
  | { readonly kind: 'read-warning'; readonly uid: string };
