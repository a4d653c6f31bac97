/**
 * One AdmissionReview in, one out: receive, decode, scope, extract, plan, gather, judge, answer. Whatever happens on the
 * way ends in an answer of its own with uid, code and correlation id, and in exactly one decision record, which is
 * written before the answer is given. Nothing here knows registries, keys or HTTP; the only I/O is behind the ports.
 */
import type { Failure } from '../kernel/failure.ts';
import type { EvidenceSource } from '../evidence/evidence-source.ts';
import type { Clock } from '../ports/clock.ts';
import type { Decision, DecisionLog } from '../ports/decision-log.ts';
import type { Logger } from '../ports/logger.ts';
import type { Metrics } from '../ports/metrics.ts';
import type { Policies } from '../ports/policies.ts';
import type { Outcome } from './outcome.ts';

export type Phase = 'mutate' | 'validate';

export interface ReviewPorts {
  readonly policies: Policies;
  readonly evidence: EvidenceSource;
  readonly decisionLog: DecisionLog;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'admission' | 'refusal' | 'decisionLogFailure'>;
  readonly log: Logger;
  /** A new correlation id. */
  readonly newId: () => string;
}

export interface ReviewSettings {
  /**
   * What happens to a decision that cannot be recorded. `refuse`: nothing is decided unrecorded, and the answer is a
   * retriable DECISION_LOG_UNAVAILABLE. `admit`: the decision stands, counted and logged as unrecorded.
   */
  readonly onDecisionLogFailure: 'refuse' | 'admit';
  /** The name of the phase in decision records; `review` on the command line. */
  readonly recordedPhase?: Decision['phase'];
}

export interface ReviewOptions {
  /** The caller's deadline. An answer is given shortly after it, whatever the ports do. */
  readonly signal: AbortSignal;
}

/** A finished answer. */
export interface Reviewed {
  readonly httpStatus: number;
  /** The AdmissionReview as JSON. */
  readonly body: string;
  readonly outcome: Outcome;
  readonly decision: Decision;
}

/** No method rejects. */
export interface Reviewer {
  /** Judges one AdmissionReview as it came over the wire. */
  reviewBytes(phase: Phase, bytes: Uint8Array, options: ReviewOptions): Promise<Reviewed>;
  /** The same for an AdmissionReview that is parsed already. */
  review(phase: Phase, body: unknown, options: ReviewOptions): Promise<Reviewed>;
  /** Refuses a request whose content nobody looked at; with `bytes`, its uid is put into the answer. */
  refuseUnread(phase: Phase, failed: Failure, bytes?: Uint8Array): Promise<Reviewed>;
}

export function createReviewer(_ports: ReviewPorts, _settings: ReviewSettings): Reviewer {
  throw new Error('not there yet');
}
