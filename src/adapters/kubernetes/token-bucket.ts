/** So many at once, then so many per minute. */
export interface Rate {
  readonly burst: number;
  readonly perMinute: number;
}

export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #filledAt: number;

  constructor(rate: Rate, now: Date) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#filledAt = now.getTime();
  }

  take(now: Date): boolean {
    const { burst, perMinute } = this.#rate;
    // A clock that was set back fills nothing.
    const minutes = Math.max(0, now.getTime() - this.#filledAt) / 60_000;
    this.#filledAt = now.getTime();
    this.#tokens = Math.min(burst, this.#tokens + minutes * perMinute);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
