import { failure, kindOf, type Failure } from '../kernel/failure.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import type { SignatureArtifact, SignatureFact } from '../policy/facts.ts';
import type { SignaturesQuestion } from '../policy/question.ts';
import { satisfies } from '../policy/satisfies.ts';
import type { Clock } from '../ports/clock.ts';
import type { CallOptions, Registry } from '../ports/registry.ts';
import type { Verifier } from '../ports/verifier.ts';
import { findSignatures } from './fetch-signatures.ts';

export interface CollectPorts {
  readonly registry: Registry;
  readonly verifier: Verifier;
  readonly clock: Clock;
}

export interface Collected {
  readonly facts: readonly SignatureFact[];
  /** One of the facts is all that was asked for. */
  readonly satisfied: boolean;
}

/**
 * Fetches and proves signatures one after the other until one satisfies the question; with `all`, every one. What is
 * malformed is a fact about that signature. What could not be read makes the answer a failure, unless a good signature
 * was found all the same: "no good signature" may only be said when all were looked at.
 */
export async function collectFacts(
  ports: CollectPorts,
  question: SignaturesQuestion,
  options: CallOptions,
  extent: 'first-good' | 'all' = 'first-good',
): Promise<Result<Collected>> {
  const facts: SignatureFact[] = [];
  let unavailable: Failure | undefined;
  for await (const found of findSignatures(ports.registry, question, options)) {
    const fact = await prove(ports, question, found, options.signal);
    if (!fact.ok) {
      unavailable ??= fact.failure;
      continue;
    }
    facts.push(fact.value);
    if (extent === 'first-good' && satisfies(question, fact.value)) return ok({ facts, satisfied: true });
  }
  if (facts.some((fact) => satisfies(question, fact))) return ok({ facts, satisfied: true });
  if (options.signal.aborted) {
    return fail(failure('DEADLINE_EXCEEDED', 'the signatures could not be read and proven in time', 2));
  }
  return unavailable === undefined ? ok({ facts, satisfied: false }) : fail(unavailable);
}

async function prove(
  ports: CollectPorts,
  question: SignaturesQuestion,
  found: Result<SignatureArtifact>,
  signal: AbortSignal,
): Promise<Result<SignatureFact>> {
  if (!found.ok) return asFact(found.failure);
  return ports.verifier.verify(found.value, question.image.digest, question.trust, ports.clock.now(), signal);
}

/** What is malformed is a fact about that signature; anything else leaves the question open. */
function asFact(failed: Failure): Result<SignatureFact> {
  if (kindOf(failed) !== 'violation') return fail(failed);
  return ok({ verified: false, format: 'legacy', type: 'signature', code: failed.code, message: failed.message });
}
