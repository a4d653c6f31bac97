import type { Failure, FailureCode } from '../kernel/failure.ts';
import type { Result } from '../kernel/result.ts';
import type { Evaluation } from './evaluation.ts';
import type { SignatureFact } from './facts.ts';

/** Answers by question id. A question without an entry counts as not established. */
export type Evidence = ReadonlyMap<string, Result<readonly SignatureFact[]>>;

/** What the code of policies says, by the policy's name. One without an entry counts as not established. */
export type Evaluations = ReadonlyMap<string, Result<Evaluation>>;

/** One reason of a refusal or warning. */
export interface Violation {
  readonly code: FailureCode;
  readonly message: string;
  readonly fields: readonly string[];
  readonly image: string;
  readonly policy?: string;
  readonly retryAfterSeconds?: number;
}

/**
 * What is decided about one image. Nothing starts out admitted: `judge` builds this once, from all violations.
 * An image is admitted exactly when `violations` is empty.
 */
export interface ImageVerdict {
  /** Names of all policies that matched, sorted. */
  readonly policies: readonly string[];
  readonly violations: readonly Violation[];
  /** Violations of policies in warn mode, and no-match under `warn`. */
  readonly warnings: readonly Violation[];
}

export function violationOf(
  failed: Failure,
  where: { readonly fields: readonly string[]; readonly image: string; readonly policy?: string },
): Violation {
  return { ...failed, ...where };
}
