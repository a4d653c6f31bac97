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

/** Who may look: the cluster's own authentication and authorization. Failures are CLUSTER_UNAVAILABLE. */
export interface Access {
  /** Whose token it is; undefined: nobody's, or one that is over, or meant for something else. */
  identify(token: string): Promise<Result<Caller | undefined>>;
  /** Whether the caller may get a path of this program's (a `nonResourceURL`). */
  mayGet(caller: Caller, path: string): Promise<Result<boolean>>;
  /** The same for verb `post`, which writes. */
  mayPost(caller: Caller, path: string): Promise<Result<boolean>>;
}
