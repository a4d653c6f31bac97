import { LRUCache } from 'lru-cache';
import { digestOf } from '../../kernel/digest.ts';
import { failure } from '../../kernel/failure.ts';
import { fail, type Result } from '../../kernel/result.ts';
import { stableJson } from '../../kernel/stable-json.ts';
import type { Access, Caller } from '../../ports/access.ts';
import type { Clock } from '../../ports/clock.ts';

export interface RememberedAccessLimits {
  /** How long the cluster's word holds: permission that is taken away ends within it. */
  readonly freshMs: number;
  /** Answers that are kept, of each kind. */
  readonly entries: number;
  /** Questions to the API server at one time, of each kind. */
  readonly asking: number;
}

const usualLimits: RememberedAccessLimits = { freshMs: 60_000, entries: 5_000, asking: 16 };
const tooMany = failure('OVERLOADED', 'too many callers are being looked up at the moment; try again', 1);

/** Asks each question once a minute. Tokens are kept as hashes only; failures are not kept. */
export function rememberedAccess(access: Access, clock: Clock, limits = usualLimits): Access {
  const callers = new Answers<Awaited<ReturnType<Access['identify']>>>(clock, limits);
  const permissions = new Answers<Awaited<ReturnType<Access['mayGet']>>>(clock, limits);
  const permitted = (
    caller: Caller,
    what: readonly unknown[],
    ask: () => ReturnType<Access['may']>,
  ): ReturnType<Access['may']> => {
    const { user, uid = '', groups, extra } = caller;
    return permissions.of(digestOf(stableJson([user, uid, groups, extra, what])), ask);
  };
  return {
    identify: (token) => callers.of(digestOf(token), () => access.identify(token)),
    mayGet: (caller, path) => permitted(caller, ['get', path], () => access.mayGet(caller, path)),
    mayPost: (caller, path) => permitted(caller, ['post', path], () => access.mayPost(caller, path)),
    may: (caller, right) => permitted(caller, ['may', right], () => access.may(caller, right)),
  };
}

class Answers<A extends Result<unknown>> {
  readonly #known: LRUCache<string, A>;
  readonly #flights = new Map<string, Promise<A>>();
  readonly #asking: number;

  constructor(clock: Clock, { entries, freshMs, asking }: RememberedAccessLimits) {
    const perf = { now: () => clock.now().getTime() };
    this.#known = new LRUCache({ max: entries, ttl: freshMs, ttlResolution: 0, perf });
    this.#asking = asking;
  }

  /** Callers with the same question share one flight. */
  async of(key: string, ask: () => Promise<A>): Promise<A | ReturnType<typeof fail<typeof tooMany>>> {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const joined = this.#flights.get(key);
    if (joined !== undefined) return joined;
    if (this.#flights.size >= this.#asking) return fail(tooMany);
    const flight = ask().finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    const answer = await flight;
    if (answer.ok) this.#known.set(key, answer);
    return answer;
  }
}
