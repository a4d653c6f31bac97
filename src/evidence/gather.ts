import { LRUCache } from 'lru-cache';
import type { ActionContract } from '../contract/model.ts';
import type { Digest } from '../kernel/digest.ts';
import { failure } from '../kernel/failure.ts';
import { repositoryName, type ImageReference } from '../kernel/image-reference.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import type { SignatureFact } from '../policy/facts.ts';
import type { PinnedImage, Question } from '../policy/question.ts';
import type { Evidence } from '../policy/verdict.ts';
import type { Metrics } from '../ports/metrics.ts';
import type { PullCredentials, Workload } from '../ports/pull-credentials.ts';
import type { Credentials } from '../ports/registry.ts';
import { collectFacts, type CollectPorts } from './collect-facts.ts';
import { before } from './before-deadline.ts';
import { createContracts } from './contracts.ts';
import { mayReadClock, rememberEvaluations } from './evaluations.ts';
import { createImageConfigs } from './image-configs.ts';
import type { EvidenceSource } from './evidence-source.ts';
import { createTurns } from './turns.ts';

/**
 * Answers questions by calling ports: one flight per question, whoever asks, and answers kept by content.
 * It decides nothing: what is not established comes back as a coded failure, never as a missing entry.
 *
 * How long an answer is kept (security.md "Caches" in short):
 * - a proof as long as it is used: its key is the hash of image digest, place, policy demand and trust root;
 *   where the certificate's validity was held against the current time, a minute;
 * - "no good signature" for seconds, because one may be added;
 * - an answer that must name every signature for seconds, and one by code that may read the clock for a minute;
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
  readonly question: Question;
  readonly credentials: Credentials;
}

interface TagFlight {
  readonly image: ImageReference & { readonly tag: string };
  readonly credentials: Credentials;
}

const unavailableMs = 1_000;
const currentTimeProofMs = 60_000;
const maxFlights = 10_000;
/** Attestations of more than a MiB: one of them may take a hundred and fifty while it is proven. */
const maxLargeAtOnce = 3;

export function createEvidenceSource(ports: EvidencePorts, settings = defaultEvidenceSettings): EvidenceSource {
  const languages = rememberEvaluations(ports.languages, settings.flightSeconds);
  const collecting = { ...ports, languages, turns: createTurns(maxLargeAtOnce) };
  const proofs = new LRUCache<string, Answer>({ max: settings.maxProofs });

  // Failures are values with a short time to live: a rejected flight would not be remembered at all.
  const flights = new LRUCache<string, Answer, Flight>({
    max: maxFlights,
    ttl: unavailableMs,
    fetchMethod: async (_key, _stale, { options, context }) => {
      const signal = AbortSignal.timeout(settings.flightSeconds * 1_000);
      const collected = await collectFacts(collecting, context.question, { credentials: context.credentials, signal });
      if (!collected.ok) return collected;
      const answer = ok(collected.value.facts);
      if (collected.value.satisfied) {
        proofs.set(context.question.id, answer, { ttl: proofTtl(context.question, settings) });
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
  const configs = createImageConfigs(ports.registry, settings.flightSeconds);

  async function answerOne(question: Question, credentials: Credentials, signal: AbortSignal): Promise<Answer> {
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

    configs: (image, workload, signal) => configs(image, ports.pullCredentials.ofWorkload(workload), signal),
    evaluate: (request, signal) => languages.evaluate(request, signal),

    async answer(questions: readonly Question[], workload: Workload, signal: AbortSignal): Promise<Evidence> {
      const entries = questions.map(async (question): Promise<readonly [string, Answer]> => {
        const credentials = ports.pullCredentials.ofWorkload(readerOf(question, workload));
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

/**
 * A key's proof holds for ever; a certificate that was only held against the clock may expire, and so may what policy code
 * said. Where every signature counts, one may be added.
 */
function proofTtl(question: Question, { refusalSeconds }: EvidenceSettings): number {
  const { trust } = question;
  if (question.everyOne === true) return refusalSeconds * 1_000;
  const againstClock = trust.kind === 'certificate' && trust.log.demand === 'ignored' && trust.timestamps === undefined;
  const wanted = question.kind === 'attestations' ? question.wanted : [];
  const readsClock = wanted.some(({ policy }) => policy !== undefined && mayReadClock(policy));
  return againstClock || readsClock ? currentTimeProofMs : 0;
}
