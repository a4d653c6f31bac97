/**
 * Objects of a cluster for controllers: what is watched is read from memory, and what is written comes back into it at
 * once, so that nobody decides on less than they have done themselves.
 */
import type { Kind, KubeObject, NewObject, ObjectPlace } from '../kernel/kube-object.ts';
import type { Result } from '../kernel/result.ts';

export type Created =
  | { readonly kind: 'created'; readonly object: KubeObject }
  /** There is one of that name, ours or somebody else's. */
  | { readonly kind: 'exists'; readonly object: KubeObject }
  /** 400, 403, 404, 413, 422: it will not be taken, now or later; the message is the server's, or that of an admission webhook. */
  | { readonly kind: 'refused'; readonly status: number; readonly message: string };

export type Written =
  | { readonly kind: 'written'; readonly object: KubeObject }
  /** Somebody has written since it was read, or it is gone: read again, decide again. */
  | { readonly kind: 'superseded' }
  | { readonly kind: 'refused'; readonly status: number; readonly message: string };

/** Failures are CLUSTER_UNAVAILABLE: trying again later may help. */
export interface ClusterObjects {
  /** Whether all that is watched, and served by this cluster, was listed once. */
  isReady(): boolean;
  /** Whether the API server has this kind now; it may come and go while we run. */
  isServed(kind: Kind): boolean;
  get(place: ObjectPlace): KubeObject | undefined;
  /** By controller reference, in the owner's namespace: anybody may write a reference into what is elsewhere. */
  ownedBy(kind: Kind, uid: string, namespace: string): readonly KubeObject[];
  list(kind: Kind): readonly KubeObject[];
  /** Calls back after an object was added, changed or removed; `gone`: its last known state. Returns how to stop. */
  onChange(listener: (object: KubeObject, change: 'present' | 'gone') => void): () => void;
  create(object: NewObject, kind: Kind, signal: AbortSignal): Promise<Result<Created>>;
  /** As the API server has it now, also for memory: what is watched may be seen late. Undefined: it is not there. */
  read(place: ObjectPlace, signal: AbortSignal): Promise<Result<KubeObject | undefined>>;
  /** Lists what is watched of this kind: memory then has all that was written before this was asked, whoever wrote it. */
  refresh(kind: Kind, signal: AbortSignal): Promise<Result<void>>;
  /** Replaces the status of the version that was read. */
  writeStatus(object: KubeObject, kind: Kind, status: object, signal: AbortSignal): Promise<Result<Written>>;
  /** JSON merge patch of everything but the status; a resourceVersion in it is a precondition. RFC 7386 */
  patch(place: ObjectPlace, patch: object, signal: AbortSignal): Promise<Result<Written>>;
  /** In the background, with its dependents. `uid`: nothing else of that name. */
  remove(place: ObjectPlace, uid: string, signal: AbortSignal): Promise<Result<'removed' | 'gone'>>;
  /** The end of what a container has printed, at most `maxBytes`; undefined when there is nothing to read any more. */
  logTail(
    pod: { readonly namespace: string; readonly name: string; readonly container: string },
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<Result<string | undefined>>;
  /** What was last told about an object, in an event of type Warning; undefined: nothing. */
  newestWarning(
    about: { readonly namespace: string; readonly uid: string },
    signal: AbortSignal,
  ): Promise<Result<Warning | undefined>>;
}

/** core/v1 Event, as far as it says something. */
export interface Warning {
  /** E.g. FailedCreate. */
  readonly reason: string;
  readonly message: string;
}
