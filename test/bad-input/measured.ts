/** What something took, of time and of memory. */
export interface Measured<T> {
  readonly value: T;
  readonly ms: number;
  /** The longest time that this thread worked without looking at anything else, whatever else the machine did. */
  readonly stallMs: number;
  /** By how much the process was larger than before at most. */
  readonly bytes: number;
}

const everyMs = 10;

export async function measured<T>(work: () => Promise<T>): Promise<Measured<T>> {
  const before = process.memoryUsage.rss();
  const peakBefore = peakRss();
  let most = before;
  let stallMs = 0;
  let worked = workedMs();
  const look = (): void => {
    most = Math.max(most, process.memoryUsage.rss());
    const now = workedMs();
    stallMs = Math.max(stallMs, now - worked);
    worked = now;
  };
  const watch = setInterval(look, everyMs);
  const started = performance.now();
  try {
    const value = await work();
    const ms = performance.now() - started;
    look();
    // The kernel also knows of a moment at which nothing else ran here.
    if (peakRss() > peakBefore) most = Math.max(most, peakRss());
    return { value, ms, stallMs, bytes: most - before };
  } finally {
    clearInterval(watch);
  }
}

function workedMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

function peakRss(): number {
  return process.resourceUsage().maxRSS * 1024;
}
