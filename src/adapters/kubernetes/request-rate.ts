/** So many requests at once, then so many per second; whoever is too early waits for their turn. Kubernetes client-go calls it QPS. */
export interface RequestRate {
  readonly qps: number;
  readonly burst: number;
}

export class RateLimit {
  readonly #rate: () => RequestRate;
  /** When all that was let through would have been, at the even rate. Generic cell rate algorithm, ITU-T I.371 */
  #arrival = 0;

  /** Read each time: it may change while we run. */
  constructor(rate: () => RequestRate) {
    this.#rate = rate;
  }

  /** Gives false when it was not worth waiting for: `signal` came first. */
  async turn(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    const { qps, burst } = this.#rate();
    const interval = 1_000 / qps;
    const now = performance.now();
    this.#arrival = Math.max(now, this.#arrival) + interval;
    const wait = this.#arrival - interval * burst - now;
    if (wait <= 0) return true;
    const came = await elapsed(wait, signal);
    // Somebody else may have the turn of whoever went away.
    if (!came) this.#arrival -= interval;
    return came;
  }
}

/** False when `signal` came first. */
function elapsed(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const gaveUp = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', gaveUp);
      resolve(true);
    }, ms);
    signal.addEventListener('abort', gaveUp, { once: true });
  });
}
