/** What one image came to, for each policy and in all: read from the one outcome that admission has for it. */
import type { Outcome } from '../../admission/outcome.ts';
import { defined } from '../../kernel/defined.ts';
import { kindOf } from '../../kernel/failure.ts';
import type { Violation } from '../../policy/verdict.ts';

export type TestVerdict = 'pass' | 'warn' | 'fail' | 'undecided';

export interface TestReason {
  readonly code: string;
  readonly message: string;
  readonly policy?: string;
}

/** One policy and one image. */
export interface Cell {
  readonly policy: string;
  readonly verdict: TestVerdict | 'no-match';
  readonly reasons: readonly TestReason[];
}

/** What `--output json` has for each image; fields may be added. */
export interface TestedImage {
  readonly image: string;
  readonly digest?: string;
  /** Absent: a Pod with this image and nothing else. */
  readonly resource?: string;
  readonly verdict: TestVerdict;
  /** Texts as policy-tester has them. */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  readonly reasons: readonly TestReason[];
  /** Every policy, sorted by name. */
  readonly policies: readonly Cell[];
}

export function testedImage(
  image: string,
  resource: string | undefined,
  policies: readonly string[],
  outcome: Outcome,
): TestedImage {
  const matched = new Set(outcome.images.flatMap((decided) => decided.policies));
  const digest = outcome.images.find((decided) => decided.digest !== undefined)?.digest;
  return {
    image,
    ...defined('digest', digest),
    ...defined('resource', resource),
    verdict: verdictOf(outcome.violations, outcome.warnings),
    errors: textsOf(outcome.violations, image),
    warnings: textsOf(outcome.warnings, image),
    reasons: [...outcome.violations, ...outcome.warnings].map(reasonOf),
    policies: policies.map((policy) => cellOf(policy, matched, outcome)),
  };
}

function cellOf(policy: string, matched: ReadonlySet<string>, outcome: Outcome): Cell {
  const isAbout = (reason: Violation): boolean => (reason.policy ?? policy) === policy;
  if (!matched.has(policy)) return { policy, verdict: 'no-match', reasons: [] };
  const [violations, warnings] = [outcome.violations.filter(isAbout), outcome.warnings.filter(isAbout)];
  return { policy, verdict: verdictOf(violations, warnings), reasons: [...violations, ...warnings].map(reasonOf) };
}

function verdictOf(violations: readonly Violation[], warnings: readonly Violation[]): TestVerdict {
  if (violations.length === 0) return warnings.length === 0 ? 'pass' : 'warn';
  return violations.some((violation) => kindOf(violation) === 'violation') ? 'fail' : 'undecided';
}

function reasonOf({ code, message, policy }: Violation): TestReason {
  return { code, message, ...defined('policy', policy) };
}

function textsOf(reasons: readonly Violation[], image: string): readonly string[] {
  const texts = reasons.map(({ code, message }) =>
    code === 'NO_MATCHING_POLICY' ? `${image} is uncovered by policy` : message,
  );
  return [...new Set(texts)];
}

/** A definite no wins. */
export function worst(verdicts: readonly TestVerdict[]): TestVerdict {
  return (['fail', 'undecided', 'warn'] as const).find((verdict) => verdicts.includes(verdict)) ?? 'pass';
}
