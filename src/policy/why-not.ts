/** Why the answer to a question is not what a policy asks for: the one reason that tells its reader most. Pure. */
import { failure, quoted, type Failure, type FailureCode } from '../kernel/failure.ts';
import type { SignatureFact } from './facts.ts';
import type { Identity, TextMatch } from './model.ts';
import type { AttestationsQuestion, Question } from './question.ts';
import { isWantedSigner, unmetDemands } from './satisfies.ts';

export function whyNot(question: Question, facts: readonly SignatureFact[]): Failure {
  switch (question.kind) {
    case 'signatures':
      return mostTelling(question, facts, failure('SIGNATURE_MISSING', 'no signatures found'));
    case 'attestations':
      return whyUnmet(question, facts);
  }
}

/** An attestation of the wanted type that the policy's code refuses says most; that there is none of that type, least. */
function whyUnmet(question: AttestationsQuestion, facts: readonly SignatureFact[]): Failure {
  const ofSigner = facts.filter((fact) => fact.verified).filter((fact) => isWantedSigner(question, fact));
  const [first = 0] = unmetDemands(question, facts);
  const refusals = ofSigner.flatMap(({ checks = [] }) => checks.filter(({ demand }) => demand === first));
  const refused = refusals.find(({ refusal }) => refusal !== undefined)?.refusal;
  if (refused !== undefined) return refused;
  const type = quoted(question.wanted[first]?.predicateType ?? '', 256);
  const types = [...new Set(ofSigner.map(({ predicateType }) => predicateType ?? 'unknown'))].sort();
  const missing = `no matching attestations with type ${type}`;
  if (types.length === 0)
    return mostTelling(question, facts, failure('ATTESTATION_MISSING', `${missing}: none was found`));
  const checked = `${missing}, checked the following predicateTypes: "${quoted(types.join(','), 1_024)}"`;
  const overflow = facts.find((fact) => !fact.verified && fact.code === 'TOO_MANY_SIGNATURES');
  if (overflow !== undefined && !overflow.verified) return failure(overflow.code, `${checked}; ${overflow.message}`);
  return failure('ATTESTATION_MISSING', checked);
}

/** Nearer to success is more telling: a signature by somebody else says more than one that cannot be read. */
const telling: readonly FailureCode[] = [
  'POLICY_UNSATISFIED',
  'POLICY_LIMIT_EXCEEDED',
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
  'ATTESTATION_MISSING',
];

function mostTelling(question: Question, facts: readonly SignatureFact[], nothing: Failure): Failure {
  const overflow = facts.find((fact) => !fact.verified && fact.code === 'TOO_MANY_SIGNATURES');
  if (overflow !== undefined && !overflow.verified) return failure(overflow.code, overflow.message);
  const failures = facts.map((fact) => failureOf(question, fact)).sort(byTelling);
  const [first] = failures;
  if (first === undefined) return nothing;
  const others = failures.length > 1 ? ` (and ${failures.length - 1} more that do not fit)` : '';
  return failure(first.code, `${first.message}${others}`);
}

export function byTelling(a: Failure, b: Failure): number {
  const rank = (failed: Failure): number => {
    const place = telling.indexOf(failed.code);
    return place === -1 ? telling.length : place;
  };
  return rank(a) - rank(b) || (a.message < b.message ? -1 : Number(a.message > b.message));
}

function failureOf(question: Question, fact: SignatureFact): Failure {
  if (!fact.verified) return failure(fact.code, fact.message);
  if (fact.type === 'attestation' && question.kind === 'signatures') {
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
