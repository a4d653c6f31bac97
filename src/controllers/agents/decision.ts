/** What is known of the server of an Agent, and what may be done about it. */
import type { Agent, Condition, TaskProblem } from '../../agents/model.ts';
import type { KubeObject, NewObject } from '../../kernel/kube-object.ts';

/** What there is to be for an Agent in server mode. */
export interface WantedServer {
  readonly deployment: NewObject;
  readonly service: NewObject;
  /** Absent: there is nothing to be put anywhere. */
  readonly configMap?: NewObject;
}

export type Wanted =
  /** Each Task has a Pod of its own. */
  | { readonly kind: 'nothing' }
  /** Nobody knows what there is to be: what there is stays. */
  | { readonly kind: 'invalid'; readonly problem: TaskProblem }
  /** There is to be a server, but it cannot be said of what: what there is stays. */
  | { readonly kind: 'problem'; readonly agent: Agent; readonly problem: TaskProblem }
  | { readonly kind: 'server'; readonly agent: Agent; readonly server: WantedServer };

export type ServerPart = 'service' | 'configMap' | 'deployment';

/** Why a part could not be made or changed in this round. */
export interface Setback {
  readonly reason: 'NameTaken' | 'Refused';
  readonly message: string;
}

/** What there is of a part: from memory, or as it was just asked for. */
export type Existing =
  | { readonly kind: 'none' }
  /** A ConfigMap, or a Service without our label: they are not watched. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'ours'; readonly object: KubeObject }
  | { readonly kind: 'other'; readonly owner: string };

export interface Observed {
  readonly agent: KubeObject;
  readonly wanted: Wanted;
  readonly existing: Readonly<Record<ServerPart, Existing>>;
  readonly setback?: Setback;
  readonly status: AgentStatus;
  readonly now: Date;
}

/** The members of an Agent's status that are ours, and all of it as it was written. */
export interface AgentStatus {
  readonly observedGeneration?: number;
  readonly conditions: readonly Condition[];
  /** It says something about a server. */
  readonly hasServer: boolean;
  readonly written: Readonly<Record<string, unknown>>;
}

export type AgentAct =
  | { readonly kind: 'read'; readonly part: ServerPart }
  | { readonly kind: 'create'; readonly part: ServerPart; readonly object: NewObject }
  | { readonly kind: 'patch'; readonly part: ServerPart; readonly object: KubeObject; readonly patch: object }
  | { readonly kind: 'remove'; readonly part: ServerPart; readonly object: KubeObject };

export type Decision =
  /** Then it is observed and decided again. */
  | { readonly kind: 'act'; readonly act: AgentAct }
  /** All is as it should be, or cannot be. Status absent: it says so already. */
  | { readonly kind: 'settled'; readonly status?: object; readonly requeueAfterMs?: number };
