import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What something took, of time and of memory. */
export interface Measured<T> {
  readonly value: T;
  readonly ms: number;
  /** The longest time for which nothing else could run in this process. */
  readonly stallMs: number;
  /** By how much the process was larger than before at most. */
  readonly bytes: number;
}

const everyMs = 10;

export async function measured<T>(work: () => Promise<T>): Promise<Measured<T>> {
  const before = process.memoryUsage.rss();
  const peakBefore = peakRss();
  let most = before;
  const look = (): void => {
    most = Math.max(most, process.memoryUsage.rss());
  };
  const watch = setInterval(look, everyMs);
  const delays = monitorEventLoopDelay({ resolution: everyMs });
  delays.enable();
  const started = performance.now();
  try {
    const value = await work();
    const ms = performance.now() - started;
    look();
    // The kernel also knows of a moment at which nothing else ran here.
    if (peakRss() > peakBefore) most = Math.max(most, peakRss());
    return { value, ms, stallMs: delays.max / 1e6, bytes: most - before };
  } finally {
    delays.disable();
    clearInterval(watch);
  }
}

function peakRss(): number {
  return process.resourceUsage().maxRSS * 1024;
}
