/** Tasks and Agents of both systems for people: what there is, what it has printed, and its end on request. */
import type { AgentView } from '../agents/agent-view.ts';
import type { Place, System } from '../agents/model.ts';
import type { TaskView } from '../agents/task-view.ts';
import type { Result } from '../kernel/result.ts';

export interface TaskPlace extends Place {
  readonly system: System;
}

/** A container of which the log can be asked for. */
export interface LoggingContainer extends Place {
  readonly container: string;
}

/** Where the log of a Task is. */
export type TaskLog =
  | {
      readonly kind: 'container';
      readonly from: LoggingContainer;
      /** It is an init container that has failed, so that the agent has never begun. */
      readonly isFailedInit: boolean;
    }
  /** Its end was kept when the Pod was deleted; in that ConfigMap. */
  | { readonly kind: 'kept'; readonly from: Place; readonly text: string }
  /** There is none, or none yet; one sentence. */
  | { readonly kind: 'none'; readonly why: string };

/** `ended`: there was nothing to stop any more. `refused`: in the API server's words. */
export type Stopped =
  { readonly kind: 'asked' | 'ended' | 'gone' } | { readonly kind: 'refused'; readonly message: string };

/** Whoever asks has been let: nobody is asked for here. Failures are CLUSTER_UNAVAILABLE. */
export interface AgentTasks {
  /** Undefined: the cluster does not have this system. No namespace: of all. */
  list(
    system: System,
    namespace: string | undefined,
    signal: AbortSignal,
  ): Promise<Result<readonly TaskView[] | undefined>>;
  find(place: TaskPlace, signal: AbortSignal): Promise<Result<TaskView | undefined>>;
  agents(
    system: System,
    namespace: string | undefined,
    signal: AbortSignal,
  ): Promise<Result<readonly AgentView[] | undefined>>;
  /** Only what was made for this Task. */
  findLog(task: TaskView, signal: AbortSignal): Promise<Result<TaskLog>>;
  /** Undefined: there is nothing to read, now or any more. */
  tail(from: LoggingContainer, maxBytes: number, signal: AbortSignal): Promise<Result<string | undefined>>;
  /** Of KubeOpenCode only: the annotation that asks for it. Nothing else of the same name is stopped. */
  stop(task: TaskView, signal: AbortSignal): Promise<Result<Stopped>>;
}
