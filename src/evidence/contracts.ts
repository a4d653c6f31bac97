import { LRUCache } from 'lru-cache';
import { repositoryName } from '../kernel/image-reference.ts';
import type { Result } from '../kernel/result.ts';
import type { PinnedImage } from '../policy/question.ts';
import type { Metrics } from '../ports/metrics.ts';
import type { NodePlatform } from '../ports/pull-credentials.ts';
import type { Credentials } from '../ports/registry.ts';
import { defaultSearchLimits } from './contract-in-layers.ts';
import { contractOfImage, type ContractRegistry, type ImageContract } from './contract-of-image.ts';
import { takingTurns } from './taking-turns.ts';

export interface ContractPorts {
  readonly registry: ContractRegistry;
  readonly metrics: Pick<Metrics, 'cache'>;
}

type Answer = Result<ImageContract | undefined>;

interface Flight {
  readonly image: PinnedImage;
  readonly credentials: Credentials;
  readonly nodes: NodePlatform;
}

/** Of contracts as written; what they are read into is a few times as much. */
const maxKeptBytes = 16 * 1024 * 1024;
/** What an answer takes besides. */
const answerBytes = 1024;
const maxFlights = 1_000;
const unavailableMs = 1_000;
/** A large layer takes longer than one request may: the next one finds it read. */
const flightMs = 60_000;

/** Unpacking takes up to 20 MiB for each. */
const maxLayersAtOnce = 4;

/** Contracts by image digest: what bytes say never changes, so it is kept as long as there is room for it. */
export function createContracts({
  registry,
  metrics,
}: ContractPorts): (image: PinnedImage, credentials: Credentials, nodes?: NodePlatform) => Promise<Answer> {
  const takeTurn = takingTurns(maxLayersAtOnce);
  const patient: ContractRegistry = {
    manifest: (...asked) => registry.manifest(...asked),
    blob: (...asked) => registry.blob(...asked),
    streamBlob: (...asked) => takeTurn(() => registry.streamBlob(...asked)),
  };
  const kept = new LRUCache<string, Answer>({ maxSize: maxKeptBytes, sizeCalculation: sizeOf });

  const flights = new LRUCache<string, Answer, Flight>({
    max: maxFlights,
    ttl: unavailableMs,
    fetchMethod: async (_key, _stale, { context: { image, credentials, nodes } }) => {
      const options = { credentials, signal: AbortSignal.timeout(flightMs) };
      const answer = await contractOfImage(patient, image, options, defaultSearchLimits, nodes);
      if (answer.ok || answer.failure.code === 'CONTRACT_INVALID') kept.set(keyOf(image, nodes), answer);
      return answer;
    },
  });

  return async (image, credentials, nodes = {}) => {
    const known = kept.get(keyOf(image, nodes));
    metrics.cache('contract', known === undefined ? 'miss' : 'hit');
    if (known !== undefined) return known;
    // Nobody's lack of credentials may become somebody else's refusal, so flights are per credentials; answers are not.
    const key = `${repositoryName(image)} ${keyOf(image, nodes)} ${credentials.id}`;
    return flights.forceFetch(key, { context: { image, credentials, nodes } });
  };
}

function keyOf({ digest }: PinnedImage, { os, architecture }: NodePlatform): string {
  return JSON.stringify([digest, os ?? '', architecture ?? '']);
}

function sizeOf(answer: Answer): number {
  const bytes = answer.ok ? (answer.value?.bytes ?? 0) : answer.failure.message.length;
  return answerBytes + bytes;
}
