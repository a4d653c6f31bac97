import { failure, kindOf, type Failure } from '../kernel/failure.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import type { SignatureArtifact, SignatureFact } from '../policy/facts.ts';
import type { AttestationsQuestion, Question } from '../policy/question.ts';
import { isAnswered, unmetDemands } from '../policy/satisfies.ts';
import type { PolicyLanguages } from '../ports/policy-languages.ts';
import type { CallOptions, Registry } from '../ports/registry.ts';
import { checkAttestation } from './check-attestation.ts';
import { findAttestations } from './fetch-attestations.ts';
import { findSignatures } from './fetch-signatures.ts';
import { maxLookUps, proveArtifact, type LookUps, type ProvePorts } from './prove-artifact.ts';
import type { Found } from './read-layers.ts';
import type { Turns } from './turns.ts';

export interface CollectPorts extends ProvePorts {
  readonly registry: Registry;
  readonly languages: PolicyLanguages;
  /** Of all who read large attestations at the same time; absent: nobody waits. */
  readonly turns?: Turns;
}

export interface Collected {
  readonly facts: readonly SignatureFact[];
  /** Nothing of what was asked for is missing. */
  readonly satisfied: boolean;
}

/**
 * Fetches and proves signatures or attestations one after the other until nothing is missing of what the question asks
 * for; with `all`, and when it asks for every one, all of them. What is malformed is a fact about that one. What could not
 * be read, proven or checked makes the answer a failure, unless what was asked for was found all the same: "there is none"
 * may only be said when all were looked at, and "these are all" likewise.
 */
export async function collectFacts(
  ports: CollectPorts,
  question: Question,
  options: CallOptions,
  extent: 'first-good' | 'all' = 'first-good',
): Promise<Result<Collected>> {
  const facts: SignatureFact[] = [];
  const lookUps = { left: maxLookUps };
  const mayStop = extent === 'first-good' && question.everyOne !== true;
  let unavailable: Failure | undefined;
  for await (const found of find(ports, question, options)) {
    const learnt = await learn(ports, question, found, { facts, lookUps }, options.signal);
    unavailable ??= learnt.unavailable;
    if (learnt.fact !== undefined) facts.push(learnt.fact);
    if (mayStop && isAnswered(question, facts)) return ok({ facts, satisfied: true });
  }
  return conclude(question, facts, options.signal.aborted ? outOfTime : unavailable);
}

const outOfTime = failure('DEADLINE_EXCEEDED', 'the signatures could not be read and proven in time', 2);

function conclude(
  question: Question,
  facts: readonly SignatureFact[],
  unavailable: Failure | undefined,
): Result<Collected> {
  const satisfied = isAnswered(question, facts);
  if (unavailable === undefined) return ok({ facts, satisfied });
  return satisfied && question.everyOne !== true ? ok({ facts, satisfied }) : fail(unavailable);
}

function find({ registry, turns }: CollectPorts, question: Question, options: CallOptions): Found {
  switch (question.kind) {
    case 'signatures':
      return findSignatures(registry, question, options);
    case 'attestations':
      return findAttestations(registry, question, options, turns);
  }
}

interface Learnt {
  readonly fact?: SignatureFact;
  readonly unavailable?: Failure;
}

interface SoFar {
  readonly facts: readonly SignatureFact[];
  readonly lookUps: LookUps;
}

async function learn(
  ports: CollectPorts,
  question: Question,
  found: Result<SignatureArtifact>,
  { facts, lookUps }: SoFar,
  signal: AbortSignal,
): Promise<Learnt> {
  const proven = found.ok
    ? await proveArtifact(ports, question, found.value, lookUps, signal)
    : asFact(question, found.failure);
  return proven.ok ? check(ports, question, proven.value, facts, signal) : { unavailable: proven.failure };
}

/** Demands that are met already need no other attestation, unless a policy looks at all of them. */
async function check(
  { languages }: CollectPorts,
  question: Question,
  fact: SignatureFact,
  before: readonly SignatureFact[],
  signal: AbortSignal,
): Promise<Learnt> {
  if (!fact.verified) return { fact };
  if (question.kind === 'signatures') return { fact: withoutStatement(fact) };
  return checkAttestation(languages, question, fact, openDemands(question, before), signal);
}

function openDemands(question: AttestationsQuestion, facts: readonly SignatureFact[]): ReadonlySet<number> {
  return new Set(question.everyOne === true ? question.wanted.keys() : unmetDemands(question, facts));
}

function withoutStatement(fact: Extract<SignatureFact, { verified: true }>): SignatureFact {
  const { statement: _, ...kept } = fact;
  return kept;
}

/** What is malformed is a fact about that signature; anything else leaves the question open. */
function asFact({ kind }: Question, failed: Failure): Result<SignatureFact> {
  if (kindOf(failed) !== 'violation') return fail(failed);
  const type = kind === 'signatures' ? 'signature' : 'attestation';
  return ok({ verified: false, format: 'legacy', type, code: failed.code, message: failed.message });
}
