/**
 * The verdict about one image. All matching policies must pass; inside a policy one authority is enough. The verdict is
 * built from violations: without one an image is admitted, and everything that is not proven is one.
 */
import { failure, kindOf, quoted, type Failure, type FailureCode } from '../kernel/failure.ts';
import type { SignatureFact } from './facts.ts';
import type { Identity, NoMatchPolicy, TextMatch } from './model.ts';
import type { Plan, PlannedCheck, PlannedPolicy } from './plan.ts';
import { satisfies } from './satisfies.ts';
import type { SignaturesQuestion } from './question.ts';
import type { Subject } from './subject.ts';
import { violationOf, type Evidence, type ImageVerdict, type Violation } from './verdict.ts';

export function judge(
  plan: Plan,
  subject: Pick<Subject, 'fields' | 'text'>,
  noMatch: NoMatchPolicy,
  evidence: Evidence,
): ImageVerdict {
  const where = { fields: subject.fields, image: subject.text };
  const policies = plan.policies.map(({ policy }) => policy.name);
  if (policies.length === 0) return judgeUnmatched(where, noMatch);
  const violations: Violation[] = [];
  const warnings: Violation[] = [];
  for (const planned of plan.policies) {
    const failed = judgePolicy(planned, evidence);
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
function judgePolicy({ policy, checks }: PlannedPolicy, evidence: Evidence): Failure | undefined {
  const [problem] = policy.notReady;
  if (problem !== undefined) {
    return failure(
      'POLICY_NOT_READY',
      `policy ${policy.name} refuses all it matches until this is mended: ${policy.notReady.join('; ')}`,
    );
  }
  const failures: { name: string; failed: Failure }[] = [];
  for (const check of checks) {
    const failed = judgeCheck(check, evidence);
    if (failed === undefined) return undefined;
    failures.push({ name: check.authority.name, failed });
  }
  return combined(policy.name, failures);
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

function judgeAnswer(question: SignaturesQuestion, evidence: Evidence): Failure | undefined {
  const answer = evidence.get(question.id);
  if (answer === undefined) return failure('INTERNAL', 'its signatures were not looked at');
  if (!answer.ok) return answer.failure;
  if (answer.value.some((fact) => satisfies(question, fact))) return undefined;
  return mostTelling(question, answer.value);
}

/** Nearer to success is more telling: a signature by somebody else says more than one that cannot be read. */
const telling: readonly FailureCode[] = [
  'IDENTITY_MISMATCH',
  'CERTIFICATE_EXPIRED',
  'TIMESTAMP_MISSING',
  'TIMESTAMP_INVALID',
  'TLOG_MISSING',
  'TLOG_INVALID',
  'SCT_INVALID',
  'CERTIFICATE_INVALID',
  'CLAIM_MISMATCH',
  'KEY_MISMATCH',
  'SIGNATURE_INVALID',
  'SIGNATURE_UNSUPPORTED',
  'SIGNATURE_MALFORMED',
];

function mostTelling(question: SignaturesQuestion, facts: readonly SignatureFact[]): Failure {
  const overflow = facts.find((fact) => !fact.verified && fact.code === 'TOO_MANY_SIGNATURES');
  if (overflow !== undefined && !overflow.verified) return failure(overflow.code, overflow.message);
  const failures = facts.map((fact) => failureOf(question, fact)).sort(byTelling);
  const [first] = failures;
  if (first === undefined) return failure('SIGNATURE_MISSING', 'no signatures found');
  const others = failures.length > 1 ? ` (and ${failures.length - 1} more that do not fit)` : '';
  return failure(first.code, `${first.message}${others}`);
}

function byTelling(a: Failure, b: Failure): number {
  const rank = (failed: Failure): number => {
    const place = telling.indexOf(failed.code);
    return place === -1 ? telling.length : place;
  };
  return rank(a) - rank(b) || (a.message < b.message ? -1 : Number(a.message > b.message));
}

function failureOf(question: SignaturesQuestion, fact: SignatureFact): Failure {
  if (!fact.verified) return failure(fact.code, fact.message);
  if (fact.type === 'attestation') {
    return failure(
      'SIGNATURE_MISSING',
      `no signatures found, only an attestation of type ${quoted(fact.predicateType ?? 'unknown')}`,
    );
  }
  if (question.trust.kind === 'key' || fact.signer.kind === 'key') {
    return failure('KEY_MISMATCH', 'signed with another kind of key than the policy asks for');
  }
  const subjects = quoted(fact.signer.subjects.join(', '), 512);
  const wanted = question.trust.identities.map(describeIdentity).join(' or ');
  return failure('IDENTITY_MISMATCH', `signed by ${subjects} (issuer ${quoted(fact.signer.issuer)}), not by ${wanted}`);
}

function describeIdentity({ issuer, subject }: Identity): string {
  return `${describeMatch(subject)} (issuer ${describeMatch(issuer)})`;
}

function describeMatch(match: TextMatch): string {
  switch (match.kind) {
    case 'exact':
      return match.text;
    case 'below':
      return `${match.prefix}*`;
    case 'regexp':
      return `/${match.pattern.source}/`;
  }
}

/** One authority: its failure. Several: the most telling one decides the code, and each is named. */
function combined(policy: string, failures: readonly { readonly name: string; readonly failed: Failure }[]): Failure {
  // If one alternative could not be established, the whole policy could not: it might have passed.
  const open = failures.find(({ failed }) => kindOf(failed) !== 'violation');
  const [first] = open === undefined ? [...failures].sort((a, b) => byTelling(a.failed, b.failed)) : [open];
  if (first === undefined) return failure('POLICY_NOT_READY', `policy ${policy} has no authorities`);
  const reasons = failures.map(({ name, failed }) =>
    failures.length === 1 ? failed.message : `${name}: ${failed.message}`,
  );
  return failure(first.failed.code, `failed policy ${policy}: ${reasons.join('; ')}`, first.failed.retryAfterSeconds);
}
