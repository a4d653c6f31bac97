/** core/v1 ObjectReference, as far as events need it. */
export interface ObjectReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** Absent: of the cluster. */
  readonly namespace?: string;
  /** Absent: the object is not there, or not known well enough. */
  readonly uid?: string;
}

/** What people see in `kubectl describe` of the object. */
export interface ClusterEvent {
  readonly about: ObjectReference;
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, for machines; from a closed set. */
  readonly reason: string;
  readonly message: string;
  /** Events of one object and reason with equal keys are one event that occurred again. */
  readonly key: string;
}

/** Tells, and never holds anybody up: returns at once, never throws, drops what is too much. */
export interface Events {
  tell(event: ClusterEvent): void;
}
