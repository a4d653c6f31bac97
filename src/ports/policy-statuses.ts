import type { PolicyKind } from './policy-objects.ts';

/** meta/v1 Condition; whether it holds may not be known. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

export interface PolicyStatus {
  readonly observedGeneration: number;
  readonly conditions: readonly (Condition & { readonly lastTransitionTime: string })[];
  /** Absent: stays as it is. */
  readonly matched?: { readonly images: number; readonly observedAt: string };
}

/** `not-accepted`: this status will not be taken, now or later. `unavailable`: nothing can be written for the moment. */
export type StatusWritten =
  | { readonly kind: 'written' | 'superseded' }
  | { readonly kind: 'not-accepted' | 'unavailable'; readonly reason: string };

export interface PolicyStatuses {
  /** Never rejects. `resourceVersion`: the version that the status was decided for; another one is `superseded`. */
  write(
    policy: { readonly kind: PolicyKind; readonly name: string; readonly resourceVersion: string },
    status: PolicyStatus,
  ): Promise<StatusWritten>;
}
