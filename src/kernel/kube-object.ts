/** Kubernetes objects as JSON: of their metadata what everybody needs, the rest still to be parsed. */
export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface ObjectMetadata {
  readonly name: string;
  /** Absent: of the cluster. */
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
}

/** An object to be created, as JSON. */
export interface NewObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMetadata;
  readonly [member: string]: unknown;
}

/** An object as the API server has it; everything but its metadata is still to be parsed. */
export interface KubeObject extends NewObject {
  readonly metadata: ObjectMetadata & {
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly creationTimestamp?: string;
    readonly deletionTimestamp?: string;
    /** From when its removal was asked for until deletionTimestamp. */
    readonly deletionGracePeriodSeconds?: number;
  };
}

/** A kind, as it is watched or written; e.g. batch/v1, Job, jobs. */
export interface Kind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
}

export interface ObjectPlace {
  readonly kind: Kind;
  /** Absent: of the cluster. */
  readonly namespace?: string;
  readonly name: string;
}
