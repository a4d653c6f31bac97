/**
 * The verdict about one image. All matching policies must pass; inside a policy one authority is enough. The verdict is
 * built from violations: without one an image is admitted, and everything that is not proven is one.
 */
import { failure, kindOf, type Failure } from '../kernel/failure.ts';
import { toldBy, type Evaluation } from './evaluation.ts';
import type { NoMatchPolicy } from './model.ts';
import type { Plan, PlannedCheck, PlannedPolicy } from './plan.ts';
import type { Result } from '../kernel/result.ts';
import type { Question } from './question.ts';
import { isAnswered } from './satisfies.ts';
import type { Subject } from './subject.ts';
import { violationOf, type Evaluations, type Evidence, type ImageVerdict, type Violation } from './verdict.ts';
import { byTelling, whyNot } from './why-not.ts';

const noEvaluations: Evaluations = new Map();

export function judge(
  plan: Plan,
  subject: Pick<Subject, 'fields' | 'text'>,
  noMatch: NoMatchPolicy,
  evidence: Evidence,
  evaluations: Evaluations = noEvaluations,
): ImageVerdict {
  const where = { fields: subject.fields, image: subject.text };
  const policies = plan.policies.map(({ policy }) => policy.name);
  if (policies.length === 0) return judgeUnmatched(where, noMatch);
  const violations: Violation[] = [];
  const warnings: Violation[] = [];
  for (const planned of plan.policies) {
    const failed = judgePolicy(planned, evidence, evaluations);
    if (failed === undefined) continue;
    // Only what signatures and authorities say is softened: a policy that is not ready never is.
    const softened = planned.policy.mode === 'warn' && planned.policy.notReady.length === 0;
    (softened ? warnings : violations).push(violationOf(failed, { ...where, policy: planned.policy.name }));
  }
  return { policies, violations, warnings };
}

function judgeUnmatched(
  where: { readonly fields: readonly string[]; readonly image: string },
  noMatch: NoMatchPolicy,
): ImageVerdict {
  const found = violationOf(
    failure(
      'NO_MATCHING_POLICY',
      'no policy matches this image; add a ClusterImagePolicy for it, or use an image of a registry that has one',
    ),
    where,
  );
  switch (noMatch) {
    case 'allow':
      return { policies: [], violations: [], warnings: [] };
    case 'warn':
      return { policies: [], violations: [], warnings: [found] };
    case 'deny':
      return { policies: [], violations: [found], warnings: [] };
  }
}

/** Undefined: the policy passes. */
function judgePolicy(
  { policy, checks }: PlannedPolicy,
  evidence: Evidence,
  evaluations: Evaluations,
): Failure | undefined {
  const [problem] = policy.notReady;
  if (problem !== undefined) {
    return failure(
      'POLICY_NOT_READY',
      `policy ${policy.name} refuses all it matches until this is mended: ${policy.notReady.join('; ')}`,
    );
  }
  const failures = failuresOf(checks, evidence);
  const isPassed = failures.length < checks.length;
  if (!isPassed || (policy.policy !== undefined && isIncomplete(failures))) return combined(policy.name, failures);
  return policy.policy === undefined ? undefined : judgeEvaluation(policy.name, evaluations.get(policy.name));
}

interface FailedCheck {
  readonly name: string;
  readonly failed: Failure;
}

function failuresOf(checks: readonly PlannedCheck[], evidence: Evidence): readonly FailedCheck[] {
  return checks.flatMap((check) => {
    const failed = judgeCheck(check, evidence);
    return failed === undefined ? [] : [{ name: check.authority.name, failed }];
  });
}

/** Code that says "not signed by" must not be asked while it could not be established who has signed. */
function isIncomplete(failures: readonly FailedCheck[]): boolean {
  return failures.some(({ failed }) => kindOf(failed) !== 'violation');
}

/** What the code of a policy says once one of its authorities passes. */
function judgeEvaluation(policy: string, evaluation: Result<Evaluation> | undefined): Failure | undefined {
  if (evaluation === undefined) return failure('INTERNAL', `failed policy ${policy}: its code was not evaluated`);
  if (!evaluation.ok) {
    const { code, message, retryAfterSeconds } = evaluation.failure;
    return failure(code, `failed policy ${policy}: ${message}`, retryAfterSeconds);
  }
  if (evaluation.value.result === 'pass') return undefined;
  return failure('POLICY_UNSATISFIED', `failed policy ${policy}: ${toldBy(evaluation.value)}`);
}

/** Whether the check passes: what the code of its policy is told about. */
export function passes(check: PlannedCheck, evidence: Evidence): boolean {
  return judgeCheck(check, evidence) === undefined;
}

/** The policies whose code has to be evaluated before a verdict. */
export function policiesToEvaluate({ policies }: Plan, evidence: Evidence): readonly PlannedPolicy[] {
  return policies.filter(({ policy, checks }) => {
    if (policy.policy === undefined || policy.notReady.length > 0) return false;
    const failures = failuresOf(checks, evidence);
    return failures.length < checks.length && !isIncomplete(failures);
  });
}

function judgeCheck(check: PlannedCheck, evidence: Evidence): Failure | undefined {
  switch (check.kind) {
    case 'static':
      if (check.authority.action === 'pass') return undefined;
      return failure(
        'STATIC_FAIL',
        `disallowed by static policy${check.authority.message === '' ? '' : `: ${check.authority.message}`}`,
      );
    case 'impossible':
      return failure('POLICY_NOT_READY', check.problem);
    case 'unanswerable':
      return check.failure;
    case 'question':
      return judgeAnswer(check.question, evidence);
  }
}

function judgeAnswer(question: Question, evidence: Evidence): Failure | undefined {
  const answer = evidence.get(question.id);
  if (answer === undefined) return failure('INTERNAL', 'its signatures were not looked at');
  if (!answer.ok) return answer.failure;
  return isAnswered(question, answer.value) ? undefined : whyNot(question, answer.value);
}

/** One authority: its failure. Several: the most telling one decides the code, and each is named. */
function combined(policy: string, failures: readonly FailedCheck[]): Failure {
  // If one alternative could not be established, the whole policy could not: it might have passed.
  const open = failures.find(({ failed }) => kindOf(failed) !== 'violation');
  const [first] = open === undefined ? [...failures].sort((a, b) => byTelling(a.failed, b.failed)) : [open];
  if (first === undefined) return failure('POLICY_NOT_READY', `policy ${policy} has no authorities`);
  const reasons = failures.map(({ name, failed }) =>
    failures.length === 1 ? failed.message : `${name}: ${failed.message}`,
  );
  return failure(first.failed.code, `failed policy ${policy}: ${reasons.join('; ')}`, first.failed.retryAfterSeconds);
}
