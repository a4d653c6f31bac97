/**
 * How long a process was deaf, found in two ways: by the histogram of node:perf_hooks, and by the longest gap between
 * two runs of a timer that wants to run every millisecond.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface Deafness {
  readonly maxMs: number;
  readonly p99Ms: number;
  readonly longestGapMs: number;
}

export interface Probe {
  stop(): Deafness;
}

export function listenClosely(): Probe {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  let last = performance.now();
  let longestGapMs = 0;
  const look = (): void => {
    const now = performance.now();
    longestGapMs = Math.max(longestGapMs, now - last);
    last = now;
  };
  const timer = setInterval(look, 1);
  histogram.enable();
  return {
    stop() {
      clearInterval(timer);
      histogram.disable();
      look();
      return { maxMs: histogram.max / 1e6, p99Ms: histogram.percentile(99) / 1e6, longestGapMs };
    },
  };
}
