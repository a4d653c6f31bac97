/**
 * How long a process was deaf: the histogram of node:perf_hooks, and the longest gap between two runs of a timer that
 * wants to run every millisecond. The gap is told twice: by the clock, and in processor time of the thread. The second
 * leaves out what other programs took from this one, which on a busy machine is most of it.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface Deafness {
  readonly maxMs: number;
  readonly p99Ms: number;
  readonly longestGapMs: number;
  readonly longestWorkMs: number;
}

export interface Probe {
  stop(): Deafness;
}

export function listenClosely(): Probe {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  const longest = { gap: 0, work: 0 };
  let last = { time: performance.now(), work: workedMs() };
  const look = (): void => {
    const now = { time: performance.now(), work: workedMs() };
    longest.gap = Math.max(longest.gap, now.time - last.time);
    longest.work = Math.max(longest.work, now.work - last.work);
    last = now;
  };
  const timer = setInterval(look, 1);
  histogram.enable();
  return {
    stop() {
      clearInterval(timer);
      histogram.disable();
      look();
      return {
        maxMs: histogram.max / 1e6,
        p99Ms: histogram.percentile(99) / 1e6,
        longestGapMs: longest.gap,
        longestWorkMs: longest.work,
      };
    },
  };
}

function workedMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
