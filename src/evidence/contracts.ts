import { LRUCache } from 'lru-cache';
import type { ActionContract } from '../contract/model.ts';
import { repositoryName } from '../kernel/image-reference.ts';
import type { Result } from '../kernel/result.ts';
import type { PinnedImage } from '../policy/question.ts';
import type { Metrics } from '../ports/metrics.ts';
import type { Credentials, Registry } from '../ports/registry.ts';
import { defaultSearchLimits } from './contract-in-layers.ts';
import { contractOfImage } from './contract-of-image.ts';

/** What an image's bytes say; an image without contract says so too. */
export type ContractAnswer = Result<ActionContract | undefined>;

interface Flight {
  readonly image: PinnedImage;
  readonly credentials: Credentials;
}

export interface ContractPorts {
  readonly registry: Registry;
  readonly metrics: Pick<Metrics, 'cache'>;
}

const maxKept = 5_000;
const maxFlights = 1_000;
const unavailableMs = 1_000;

/** Contracts by image digest: what bytes say never changes, so it is kept as long as there is room for it. */
export function createContracts(
  { registry, metrics }: ContractPorts,
  flightSeconds: number,
): (image: PinnedImage, credentials: Credentials) => Promise<ContractAnswer> {
  const kept = new LRUCache<string, ContractAnswer>({ max: maxKept });
  const flights = new LRUCache<string, ContractAnswer, Flight>({
    max: maxFlights,
    ttl: unavailableMs,
    fetchMethod: async (_key, _stale, { context: { image, credentials } }) => {
      const signal = AbortSignal.timeout(flightSeconds * 1_000);
      const answer = await contractOfImage(registry, image, { credentials, signal }, defaultSearchLimits);
      if (answer.ok || answer.failure.code === 'CONTRACT_INVALID') kept.set(image.digest, answer);
      return answer;
    },
  });
  return async (image, credentials) => {
    const known = kept.get(image.digest);
    metrics.cache('contract', known === undefined ? 'miss' : 'hit');
    if (known !== undefined) return known;
    // Nobody's lack of credentials may become somebody else's refusal, so flights are per credentials; answers are not.
    const key = `${repositoryName(image)}@${image.digest} ${credentials.id}`;
    return flights.forceFetch(key, { context: { image, credentials } });
  };
}
