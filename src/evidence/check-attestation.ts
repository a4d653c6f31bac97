import { failure, kindOf, type Failure } from '../kernel/failure.ts';
import type { Result } from '../kernel/result.ts';
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
  const inputs = inputsOf(statement);
  let unavailable: Failure | undefined;
  for (const [demand, wanted] of question.wanted.entries()) {
    if (!open.has(demand) || predicateUri(wanted.predicateType) !== fact.predicateType) continue;
    const refusal = await refusalBy(languages, wanted, await inputs(wanted.predicateType), signal);
    if (refusal === undefined) checks.push({ demand });
    else if (kindOf(refusal) === 'violation') checks.push({ demand, refusal });
    else unavailable ??= refusal;
  }
  return unavailable === undefined ? { fact: { ...fact, checks } } : { fact: { ...fact, checks }, unavailable };
}

/** Statements may have megabytes: each form is made once, and in a turn of its own, for other requests go in between. */
function inputsOf(statement: string): (predicateType: string) => Promise<Result<string>> {
  const made = new Map<string, Result<string>>();
  return async (predicateType) => {
    const known = made.get(predicateType);
    if (known !== undefined) return known;
    await new Promise<void>((resolve) => void setImmediate(resolve));
    const input = attestationInput(statement, predicateType);
    made.set(predicateType, input);
    return input;
  };
}

/** Undefined: it is what the demand asks for. */
async function refusalBy(
  languages: PolicyLanguages,
  { name, policy }: AttestationDemand,
  input: Result<string>,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  if (!input.ok) return input.failure;
  if (policy === undefined) return undefined;
  const evaluated = await languages.evaluate({ name, code: policy, input: input.value }, signal);
  if (!evaluated.ok) return evaluated.failure;
  // Rego's warnings refuse, as in sigstore policy-controller.
  return evaluated.value.result === 'pass' ? undefined : failure('POLICY_UNSATISFIED', toldBy(evaluated.value));
}
