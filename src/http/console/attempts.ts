import { LRUCache } from 'lru-cache';
import type { Clock } from '../../ports/clock.ts';

const windowMs = 60_000;
const maxAddresses = 10_000;

/** Tokens that were nobody's, counted per address and minute: guessing is hopeless, but each guess costs the API server a call. */
export class Attempts {
  readonly #clock: Clock;
  readonly #perMinute: number;
  readonly #failed = new LRUCache<string, { readonly since: number; count: number }>({ max: maxAddresses });

  constructor(clock: Clock, perMinute: number) {
    this.#clock = clock;
    this.#perMinute = perMinute;
  }

  /** Seconds until the address may try again; undefined: now. */
  wait(address: string): number | undefined {
    const failed = this.#failed.get(address);
    if (failed === undefined || failed.count < this.#perMinute) return undefined;
    const left = failed.since + windowMs - this.#clock.now().getTime();
    return left > 0 ? Math.ceil(left / 1000) : undefined;
  }

  fail(address: string): void {
    const now = this.#clock.now().getTime();
    const failed = this.#failed.get(address);
    if (failed !== undefined && now < failed.since + windowMs) failed.count += 1;
    else this.#failed.set(address, { since: now, count: 1 });
  }
}
