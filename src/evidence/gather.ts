import { LRUCache } from 'lru-cache';
import type { ActionContract } from '../contract/model.ts';
import type { Digest } from '../kernel/digest.ts';
import { failure } from '../kernel/failure.ts';
import { repositoryName, type ImageReference } from '../kernel/image-reference.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import type { SignatureFact } from '../policy/facts.ts';
import type { PinnedImage, Question, SignaturesQuestion } from '../policy/question.ts';
import type { Evidence } from '../policy/verdict.ts';
import type { Metrics } from '../ports/metrics.ts';
import type { PullCredentials, Workload } from '../ports/pull-credentials.ts';
import type { Credentials } from '../ports/registry.ts';
import { collectFacts, type CollectPorts } from './collect-facts.ts';
import { createContracts } from './contracts.ts';
import type { EvidenceSource } from './evidence-source.ts';

/**
 * Answers questions by calling ports: one flight per question, whoever asks, and answers kept by content.
 * It decides nothing: what is not established comes back as a coded failure, never as a missing entry.
 *
 * How long an answer is kept (security.md "Caches" in short):
 * - a proof as long as it is used: its key is the hash of image digest, place, policy demand and trust root;
 *   where the certificate's validity was held against the current time, a minute;
 * - "no good signature" for seconds, because one may be added;
 * - a contract, or that there is none, as long as there is room: its key is the image digest alone;
 * - what could not be established for one second, so that a broken registry is not stormed.
 */
export interface EvidencePorts extends CollectPorts {
  readonly pullCredentials: PullCredentials;
  readonly metrics: Pick<Metrics, 'cache'>;
}

export interface EvidenceSettings {
  /** Entries; a proof takes about 1 KiB. */
  readonly maxProofs: number;
  readonly tagSeconds: number;
  readonly refusalSeconds: number;
  /** Deadline of one flight, which no single caller's deadline may cut short for the others. */
  readonly flightSeconds: number;
}

export const defaultEvidenceSettings: EvidenceSettings = {
  maxProofs: 50_000,
  tagSeconds: 5,
  refusalSeconds: 10,
  flightSeconds: 9,
};

type Answer = Result<readonly SignatureFact[]>;

interface Flight {
  readonly question: SignaturesQuestion;
  readonly credentials: Credentials;
}

interface TagFlight {
  readonly image: ImageReference & { readonly tag: string };
  readonly credentials: Credentials;
}

const unavailableMs = 1_000;
const currentTimeProofMs = 60_000;
const maxFlights = 10_000;

export function createEvidenceSource(ports: EvidencePorts, settings = defaultEvidenceSettings): EvidenceSource {
  const proofs = new LRUCache<string, Answer>({ max: settings.maxProofs });

  // Failures are values with a short time to live: a rejected flight would not be remembered at all.
  const flights = new LRUCache<string, Answer, Flight>({
    max: maxFlights,
    ttl: unavailableMs,
    fetchMethod: async (_key, _stale, { options, context }) => {
      const signal = AbortSignal.timeout(settings.flightSeconds * 1_000);
      const collected = await collectFacts(ports, context.question, { credentials: context.credentials, signal });
      if (!collected.ok) return collected;
      const answer = ok(collected.value.facts);
      if (collected.value.satisfied) {
        proofs.set(context.question.id, answer, { ttl: proofTtl(context.question) });
      }
      options.ttl = settings.refusalSeconds * 1_000;
      return answer;
    },
  });

  const tags = new LRUCache<string, Result<Digest>, TagFlight>({
    max: maxFlights,
    ttl: settings.tagSeconds * 1_000,
    fetchMethod: async (_key, _stale, { options, context }) => {
      const signal = AbortSignal.timeout(settings.flightSeconds * 1_000);
      const resolved = await ports.registry.resolve(context.image, context.image.tag, {
        credentials: context.credentials,
        signal,
      });
      if (!resolved.ok) options.ttl = unavailableMs;
      return resolved;
    },
  });

  const contracts = createContracts(ports);

  async function answerOne(
    question: SignaturesQuestion,
    credentials: Credentials,
    signal: AbortSignal,
  ): Promise<Answer> {
    const proof = proofs.get(question.id);
    ports.metrics.cache('verdict', proof === undefined ? 'miss' : 'hit');
    if (proof !== undefined) return proof;
    // Nobody's lack of credentials may become somebody else's refusal, so flights are per credentials; proofs are not.
    const key = `${question.id} ${credentials.id}`;
    return before(signal, flights.forceFetch(key, { context: { question, credentials } }));
  }

  return {
    async resolveTag(image: ImageReference, workload: Workload, signal: AbortSignal): Promise<Result<Digest>> {
      const { tag } = image;
      if (tag === undefined) return fail(failure('IMAGE_REFERENCE_INVALID', 'there is no tag to resolve'));
      const credentials = ports.pullCredentials.ofWorkload(workload);
      const key = `${repositoryName(image)}:${tag} ${credentials.id}`;
      ports.metrics.cache('tag', tags.has(key) ? 'hit' : 'miss');
      return before(signal, tags.forceFetch(key, { context: { image: { ...image, tag }, credentials } }));
    },

    configs: async () => fail(noEngine),
    evaluate: async () => fail(noEngine),

    async answer(questions: readonly Question[], workload: Workload, signal: AbortSignal): Promise<Evidence> {
      const entries = questions.map(async (question): Promise<readonly [string, Answer]> => {
        const credentials = ports.pullCredentials.ofWorkload(readerOf(question, workload));
        if (question.kind === 'attestations') return [question.id, fail(noEngine)];
        return [question.id, await answerOne(question, credentials, signal)];
      });
      return new Map(await Promise.all(entries));
    },

    async contract(
      image: PinnedImage,
      workload: Workload,
      signal: AbortSignal,
    ): Promise<Result<ActionContract | undefined>> {
      const found = await before(signal, contracts(image, ports.pullCredentials.ofWorkload(workload), workload.nodes));
      return found.ok ? ok(found.value?.contract) : found;
    },
  };
}

/** Secrets that a policy names for its signatures replace those of the workload, and are in its namespace all the same. */
function readerOf({ source }: Question, workload: Workload): Workload {
  if (source === undefined || source.pullSecrets.length === 0) return workload;
  return { ...workload, serviceAccount: '', pullSecrets: source.pullSecrets };
}

const noEngine = failure('POLICY_ENGINE_UNAVAILABLE', 'policy code cannot be evaluated here');

/** A key's proof holds for ever; a certificate that was only held against the clock may expire. */
function proofTtl(question: SignaturesQuestion): number {
  const { trust } = question;
  const againstClock = trust.kind === 'certificate' && trust.log.demand === 'ignored' && trust.timestamps === undefined;
  return againstClock ? currentTimeProofMs : 0;
}

/** The flight goes on for others, and for the next try, when this caller's time is up. */
function before<T>(signal: AbortSignal, flight: Promise<Result<T>>): Promise<Result<T>> {
  const { promise, resolve, reject } = Promise.withResolvers<Result<T>>();
  const giveUp = (): void => {
    resolve(fail(failure('DEADLINE_EXCEEDED', 'the registry did not answer within the time of this request', 2)));
  };
  if (signal.aborted) giveUp();
  signal.addEventListener('abort', giveUp, { once: true });
  flight.then(resolve, reject).finally(() => {
    signal.removeEventListener('abort', giveUp);
  });
  return promise;
}
