import type { Result } from '../kernel/result.ts';

/** Somebody whom the cluster knows. */
export interface Caller {
  readonly user: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
  /** ISO 8601: when the token ends, where it says so. */
  readonly expires?: string;
}

/** What somebody may do to objects of the API server. authorization.k8s.io/v1 ResourceAttributes */
export interface ObjectRight {
  readonly verb: string;
  /** Absent: core. */
  readonly group?: string;
  readonly resource: string;
  readonly subresource?: string;
  /** Absent: in every namespace. */
  readonly namespace?: string;
  readonly name?: string;
}

/** Who may look: the cluster's own authentication and authorization. Failures are CLUSTER_UNAVAILABLE. */
export interface Access {
  /** Whose token it is; undefined: nobody's, or one that is over, or meant for something else. */
  identify(token: string): Promise<Result<Caller | undefined>>;
  /** Whether the caller may get a path of this program's (a `nonResourceURL`). */
  mayGet(caller: Caller, path: string): Promise<Result<boolean>>;
  /** The same for verb `post`, which writes. */
  mayPost(caller: Caller, path: string): Promise<Result<boolean>>;
  /** What is not this program's: whoever is shown objects of the cluster needs the right for them, too. */
  may(caller: Caller, right: ObjectRight): Promise<Result<boolean>>;
}
