import type { Phase } from '../admission/review.ts';
import type { Failure } from '../kernel/failure.ts';

/** A finished answer: JSON, ready to be sent. */
export interface Answer {
  readonly httpStatus: number;
  readonly body: string;
}

/** What the webhook routes need of the reviewer in admission. Neither method rejects, and both record their decision before they settle. */
export interface Reviewer {
  /** Judges one AdmissionReview as it came over the wire. */
  reviewBytes(phase: Phase, bytes: Uint8Array, options: { readonly signal: AbortSignal }): Promise<Answer>;
  /** Refuses a request whose content nobody looked at; with `bytes`, its uid is put into the answer. */
  refuseUnread(phase: Phase, failed: Failure, bytes?: Uint8Array): Promise<Answer>;
}
