import { failure, kindOf, type Failure } from '../kernel/failure.ts';
import { attestationInput } from '../policy/attestation-input.ts';
import type { AttestationCheck, VerifiedSignature } from '../policy/facts.ts';
import type { AttestationDemand } from '../policy/model.ts';
import { toldBy } from '../policy/evaluation.ts';
import { predicateUri } from '../policy/predicate-types.ts';
import type { AttestationsQuestion } from '../policy/question.ts';
import { isWantedSigner } from '../policy/satisfies.ts';
import type { PolicyLanguages } from '../ports/policy-languages.ts';

export interface CheckedAttestation {
  /** Without its statement: nobody needs it any more, and it may have megabytes. */
  readonly fact: VerifiedSignature;
  /** Why some demand could not be checked. */
  readonly unavailable?: Failure;
}

/**
 * What each of the `open` demands says of a proven attestation. Those of other predicate types say nothing of it, and
 * nobody asks about one that is not by the wanted signer. CVE-2022-35930: another type must not do.
 */
export async function checkAttestation(
  languages: PolicyLanguages,
  question: AttestationsQuestion,
  { statement, ...fact }: VerifiedSignature,
  open: ReadonlySet<number>,
  signal: AbortSignal,
): Promise<CheckedAttestation> {
  if (fact.type !== 'attestation' || statement === undefined || !isWantedSigner(question, fact)) return { fact };
  const checks: AttestationCheck[] = [];
  let unavailable: Failure | undefined;
  for (const [demand, wanted] of question.wanted.entries()) {
    if (!open.has(demand) || predicateUri(wanted.predicateType) !== fact.predicateType) continue;
    const refusal = await refusalBy(languages, wanted, statement, signal);
    if (refusal === undefined) checks.push({ demand });
    else if (kindOf(refusal) === 'violation') checks.push({ demand, refusal });
    else unavailable ??= refusal;
  }
  return unavailable === undefined ? { fact: { ...fact, checks } } : { fact: { ...fact, checks }, unavailable };
}

/** Undefined: it is what the demand asks for. */
async function refusalBy(
  languages: PolicyLanguages,
  { name, predicateType, policy }: AttestationDemand,
  statement: string,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  const input = attestationInput(statement, predicateType);
  if (!input.ok) return input.failure;
  if (policy === undefined) return undefined;
  const evaluated = await languages.evaluate({ name, code: policy, input: input.value }, signal);
  if (!evaluated.ok) return evaluated.failure;
  // Rego's warnings refuse, as in sigstore policy-controller.
  return evaluated.value.result === 'pass' ? undefined : failure('POLICY_UNSATISFIED', toldBy(evaluated.value));
}
