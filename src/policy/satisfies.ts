import type { SignatureFact, VerifiedSignature } from './facts.ts';
import type { Identity, TextMatch } from './model.ts';
import type { AttestationsQuestion, Question } from './question.ts';

/**
 * Whether one fact has a part in the answer that was asked for: a proven signature by the wanted signer, or an attestation
 * by that signer which meets one of the demands.
 */
export function satisfies(question: Question, fact: SignatureFact): fact is VerifiedSignature {
  if (!fact.verified || !isWantedSigner(question, fact)) return false;
  switch (question.kind) {
    case 'signatures':
      return fact.type === 'signature';
    case 'attestations':
      return question.wanted.some((_demand, index) => meets(fact, index));
  }
}

/** Whether nothing of what was asked for is missing. */
export function isAnswered(question: Question, facts: readonly SignatureFact[]): boolean {
  switch (question.kind) {
    case 'signatures':
      return facts.some((fact) => satisfies(question, fact));
    case 'attestations':
      return question.wanted.length > 0 && unmetDemands(question, facts).length === 0;
  }
}

/** Places in `wanted` for which there is no attestation. */
export function unmetDemands(question: AttestationsQuestion, facts: readonly SignatureFact[]): readonly number[] {
  const all = question.wanted.map((_demand, index) => index);
  return all.filter((index) => metBy(question, facts, index).length === 0);
}

/** The attestations that meet the demand at that place. */
export function metBy(
  question: AttestationsQuestion,
  facts: readonly SignatureFact[],
  index: number,
): readonly VerifiedSignature[] {
  return facts.filter((fact) => fact.verified).filter((fact) => isWantedSigner(question, fact) && meets(fact, index));
}

function meets({ type, checks = [] }: VerifiedSignature, index: number): boolean {
  return type === 'attestation' && checks.some(({ demand, refusal }) => demand === index && refusal === undefined);
}

/** Key questions need no look at the signer: verification tried exactly the keys that the question names. */
export function isWantedSigner(
  { trust }: Pick<Question, 'trust'>,
  { signer }: Pick<VerifiedSignature, 'signer'>,
): boolean {
  switch (trust.kind) {
    case 'key':
      return signer.kind === 'key';
    case 'certificate':
      return signer.kind === 'certificate' && trust.identities.some((wanted) => isSigner(wanted, signer));
  }
}

/** Issuer and subject must fit the same identity; any subject alternative name may be the subject, as in cosign. */
export function isSigner(
  wanted: Identity,
  signer: { readonly issuer: string; readonly subjects: readonly string[] },
): boolean {
  return fits(wanted.issuer, signer.issuer) && signer.subjects.some((subject) => fits(wanted.subject, subject));
}

function fits(wanted: TextMatch, text: string): boolean {
  switch (wanted.kind) {
    case 'exact':
      return wanted.text === text;
    case 'below':
      return text.length > wanted.prefix.length && text.startsWith(wanted.prefix);
    case 'regexp':
      return wanted.pattern.matches(text);
  }
}
