import { failure, kindOf, type Failure } from '../kernel/failure.ts';
import { violationOf, type Violation } from '../policy/verdict.ts';
import type { DecidedImage, Decision } from '../ports/decision-log.ts';
import type { PatchOperation } from '../kernel/json-patch.ts';

export type Verdict = Decision['verdict'];

/** Why nothing was judged. Part of the decision record: one may be added, none renamed. */
export type SkipReason =
  | 'delete'
  | 'connect'
  | 'subresource-without-images'
  | 'images-unchanged'
  | 'work-unchanged'
  | 'no-image'
  | 'deferred-to-pod'
  | 'nothing-pinned';

/** What one request comes to, before it is put into words. */
export interface Outcome {
  readonly verdict: Verdict;
  /** Why not; the most definite first. */
  readonly violations: readonly Violation[];
  readonly warnings: readonly Violation[];
  /** What policies that only watch would have refused. */
  readonly audited: readonly Violation[];
  /** Sentences about what will be judged later. */
  readonly notices: readonly string[];
  readonly images: readonly DecidedImage[];
  readonly patch: readonly PatchOperation[];
  readonly skipped?: SkipReason;
  readonly snapshot?: string;
}

const nothing = { violations: [], warnings: [], audited: [], notices: [], images: [], patch: [] } as const;

export function skip(reason: SkipReason): Outcome {
  return { ...nothing, verdict: 'skip', skipped: reason };
}

/** A refusal of the request as a whole. */
export function refuse(...failures: readonly Failure[]): Outcome {
  return judged({ violations: failures.map((failed) => violationOf(failed, { fields: [], image: '' })) });
}

/** The only place where a verdict is derived from what was found; it takes all there is, so nothing starts out admitted. */
export function judged(found: Partial<Omit<Outcome, 'verdict' | 'skipped'>>): Outcome {
  const outcome = { ...nothing, ...found };
  const violations = [...outcome.violations].sort(mostDefiniteFirst);
  const warnings = [...outcome.warnings].sort(mostDefiniteFirst);
  return { ...outcome, violations, warnings, verdict: verdictOf(violations, warnings) };
}

function verdictOf(violations: readonly Violation[], warnings: readonly Violation[]): Verdict {
  const [first] = violations;
  if (first === undefined) return warnings.length > 0 ? 'warn' : 'admit';
  switch (kindOf(first)) {
    case 'violation':
      return 'refuse';
    case 'error':
      return 'error';
    case 'unavailable':
      return 'unavailable';
  }
}

/** A definite no wins: trying again would change nothing. The rest is by field, so that equal requests get equal answers. */
const definiteness = { violation: 0, error: 1, unavailable: 2 } as const;

function mostDefiniteFirst(a: Violation, b: Violation): number {
  return (
    definiteness[kindOf(a)] - definiteness[kindOf(b)] ||
    byText(a.fields[0], b.fields[0]) ||
    byText(a.policy, b.policy) ||
    byText(a.code, b.code)
  );
}

function byText(a = '', b = ''): number {
  return a < b ? -1 : Number(a > b);
}

/** Exhaustive, so that a new verdict has to be placed here before it can pass. */
export function isAllowed(verdict: Verdict): boolean {
  switch (verdict) {
    case 'admit':
    case 'warn':
    case 'skip':
      return true;
    case 'refuse':
    case 'unavailable':
    case 'error':
      return false;
  }
}

export function policiesUnavailable(): Outcome {
  return refuse(failure('POLICIES_UNAVAILABLE', 'no policies have been read yet; the request can be tried again', 2));
}
