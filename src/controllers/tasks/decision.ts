/** What is known of a Task when it is decided upon, and what a decision consists of. */
import type { ConfigMaps, Place, Task, TaskProblem, TaskStart, TaskStatus } from '../../agents/model.ts';
import type { NeededConfigMap } from '../../agents/needed-config-maps.ts';
import type { PodState } from '../../agents/pod-state.ts';
import type { Line } from '../../agents/queue.ts';
import type { NewObject, ObjectPlace } from '../../kernel/kube-object.ts';
import type { Result } from '../../kernel/result.ts';
import type { Warning } from '../../ports/cluster-objects.ts';
import type { Resolved } from './resolve.ts';

/** Of its metadata: known also where its spec cannot be read. */
export type TaskFacts = Pick<
  Task,
  'namespace' | 'name' | 'uid' | 'generation' | 'createdAt' | 'labels' | 'finalizers' | 'deleted' | 'stopped'
>;

export interface Observed {
  readonly task: TaskFacts;
  readonly resourceVersion: string;
  readonly status: TaskStatus;
  readonly parsed: Result<Task, TaskProblem>;
  readonly resolved: Result<Resolved, TaskProblem>;
  /** What it refers to, that nobody has told us of or was asked for yet. */
  readonly missing?: ObjectPlace;
  /** Of its Agent. */
  readonly line: Line;
  readonly starts: readonly TaskStart[];
  /** Of its Agent, or it has none. */
  readonly isServerReady: boolean;
  /** Its own. */
  readonly pod?: PodState;
  /** For how long the Pod has been in a trouble that will hardly pass. */
  readonly troubleMs: number;
  /** Since this process leads, what others have written before was asked for. */
  readonly isFresh: boolean;
  /** Running was claimed by this process, since it leads. */
  readonly isOurClaim: boolean;
  readonly setbacks: readonly Setback[];
  /** Of this round, as all that follows. */
  readonly configMaps?: ConfigMaps;
  readonly log?: LogRead;
  /** What was last told about its Pod, if anything was. */
  readonly told?: { readonly warning?: Warning };
  /** The API server was asked for its Pod. */
  readonly hasLooked: boolean;
  readonly now: Date;
}

/** What came of `create` in this round already. */
export type Setback =
  /** The name belongs to somebody else: never adopted, never removed. */
  | { readonly kind: 'taken'; readonly what: 'Pod' | 'ConfigMap'; readonly name: string }
  | {
      readonly kind: 'refused';
      readonly what: 'Pod' | 'ConfigMap';
      readonly name: string;
      readonly status: number;
      readonly message: string;
    };

/** `gone`: there is nothing to be read any more. `unavailable`: for how long now. */
export type LogRead =
  | { readonly kind: 'read'; readonly text: string }
  | { readonly kind: 'gone' }
  | { readonly kind: 'unavailable'; readonly forMs: number };

/** In the order in which they are to be done; one that cannot be done ends the round. */
export type Act =
  /** Label and finalizer, before anything else. */
  | { readonly kind: 'mark'; readonly patch: object }
  | { readonly kind: 'record-start'; readonly agent: Place }
  | { readonly kind: 'forget-start'; readonly agent: Place }
  | { readonly kind: 'create'; readonly what: 'Pod' | 'ConfigMap'; readonly object: NewObject }
  /** Another's of that name does not matter: it is lost then. */
  | { readonly kind: 'keep-log'; readonly object: NewObject }
  | { readonly kind: 'remove-pod'; readonly pod: Pick<PodState, 'namespace' | 'name' | 'uid'> }
  /** Those of these names that are the Task's own. */
  | { readonly kind: 'remove-config-maps'; readonly namespace: string; readonly names: readonly string[] }
  /** `claims`: a place with this Agent, as `namespace/name`. */
  | { readonly kind: 'status'; readonly status: TaskStatus; readonly claims?: string }
  | { readonly kind: 'tell'; readonly reason: string; readonly message: string }
  | { readonly kind: 'unmark'; readonly patch: object };

export interface Decision {
  readonly kind: 'decided';
  readonly acts: readonly Act[];
  /** It goes on at once with what the acts have brought. */
  readonly thenAgain?: true;
  /** Absent: only a change is a reason to look again. */
  readonly requeueAfterMs?: number;
}

/** Something has to be found out first, which takes a look outside; then it is decided again. */
export type Next =
  | Decision
  | { readonly kind: 'refresh' }
  | { readonly kind: 'ask-for'; readonly place: ObjectPlace }
  | { readonly kind: 'read-config-maps'; readonly places: readonly NeededConfigMap[] }
  | { readonly kind: 'look-for-pod'; readonly place: Place }
  | { readonly kind: 'read-log'; readonly pod: Place }
  | { readonly kind: 'read-warning'; readonly pod: Pick<PodState, 'namespace' | 'uid'> };
