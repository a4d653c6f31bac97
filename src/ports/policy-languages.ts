import type { Result } from '../kernel/result.ts';
import type { Evaluation } from '../policy/evaluation.ts';
import type { PolicyCode } from '../policy/model.ts';

/**
 * Evaluates CUE, Rego and CEL within limits of time and memory, without network or files. Whatever the code does, this
 * answers, and the next evaluation works: POLICY_LIMIT_EXCEEDED, POLICY_ENGINE_UNAVAILABLE and DEADLINE_EXCEEDED are
 * failures; code that does not compile is an evaluation that fails, as in sigstore policy-controller.
 */
export interface PolicyLanguages {
  evaluate(request: EvaluationRequest, signal: AbortSignal): Promise<Result<Evaluation>>;
}

export interface EvaluationRequest {
  /** The attestation's name, or ClusterImagePolicy: it is a part of messages. */
  readonly name: string;
  readonly code: PolicyCode;
  /** JSON text, at most 16 MiB. */
  readonly input: string;
}
