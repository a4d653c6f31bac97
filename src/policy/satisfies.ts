import type { SignatureFact } from './facts.ts';
import type { Identity, TextMatch } from './model.ts';
import type { Question } from './question.ts';

/**
 * Whether one fact is all that the question asked for: a proven signature (an attestation is none) by the wanted signer.
 * Key questions need no look at the signer: verification tried exactly the keys that the question names.
 */
export function satisfies(question: Question, fact: SignatureFact): boolean {
  if (!fact.verified || fact.type !== 'signature') return false;
  switch (question.trust.kind) {
    case 'key':
      return fact.signer.kind === 'key';
    case 'certificate': {
      const { signer } = fact;
      return signer.kind === 'certificate' && question.trust.identities.some((wanted) => isSigner(wanted, signer));
    }
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
