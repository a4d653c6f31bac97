/**
 * How long a process was deaf: the histogram of node:perf_hooks, and the longest gap between two runs of a timer that
 * wants to run every millisecond. The gap is told twice: by the clock, and in processor time of the thread. The second
 * leaves out what other programs took from this one, which on a busy machine is most of it.
 */
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface Deafness {
  readonly maxMs: number;
  readonly p99Ms: number;
  readonly longestGapMs: number;
  readonly longestWorkMs: number;
  /** How long in all the thread could have run while other programs had the processor. */
  readonly disturbedMs: number;
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
  const inLine = inLineMs();
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
        disturbedMs: inLineMs() - inLine,
      };
    },
  };
}

function workedMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** Of the main thread; 0 where there is no such file. Linux Documentation/scheduler/sched-stats.rst */
function inLineMs(): number {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'latin1').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}
