import type { Result } from '../kernel/result.ts';

/** One decision, before it is chained. Shape `v: 1`: fields may be added, never changed or removed. */
export interface Decision {
  readonly v: 1;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly correlationId: string;
  readonly phase: 'mutate' | 'validate' | 'review';
  readonly verdict: 'admit' | 'warn' | 'refuse' | 'unavailable' | 'error' | 'skip';
  readonly uid: string;
  readonly operation?: string;
  readonly dryRun?: boolean;
  readonly user?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly images: readonly DecidedImage[];
  readonly reasons: readonly DecisionReason[];
  /** What policies that only watch would have refused; absent: nothing. */
  readonly audited?: readonly DecisionReason[];
  /** Snapshot the request was judged under. */
  readonly snapshot?: string;
  /** Why nothing was judged, for verdict "skip". */
  readonly skipped?: string;
  readonly durationMs: number;
}

export interface DecidedImage {
  readonly field: string;
  readonly image: string;
  readonly digest?: string;
  readonly policies: readonly string[];
  /** `name@version` of the contract that it was held against. */
  readonly contract?: string;
  /** Not judged here: the name is known, and judged, when a Pod is made of it. */
  readonly deferred?: true;
}

export interface DecisionReason {
  readonly code: string;
  readonly message: string;
  readonly field?: string;
  readonly image?: string;
  readonly policy?: string;
}

export interface DecisionLog {
  /** Settles once the record is handed to the operating system; a failure is DECISION_LOG_UNAVAILABLE. */
  append(decision: Decision): Promise<Result<void>>;
}
