/** Numbers of a busy machine: rounds of both contestants alternate, and medians are what is said of them. */
export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

export function percentile(values: Iterable<number>, percent: number): number {
  const sorted = Float64Array.from(values).sort();
  const at = Math.ceil((percent / 100) * sorted.length) - 1;
  return sorted[Math.max(0, at)] ?? Number.NaN;
}

export interface Pair {
  /** Medians, per second. */
  readonly ours: number;
  readonly theirs: number;
  /** Median of ours / theirs round by round: what slows the machine for a while slows both. */
  readonly ratio: number;
}

export function pairOf(rounds: readonly { readonly ours: number; readonly theirs: number }[]): Pair {
  return {
    ours: median(rounds.map(({ ours }) => ours)),
    theirs: median(rounds.map(({ theirs }) => theirs)),
    ratio: median(rounds.map(({ ours, theirs }) => ours / theirs)),
  };
}

/** How often a second each of two synchronous functions does its `times` pieces of work. */
export function race(ours: () => void, theirs: () => void, times: number): Pair {
  const perSecond = (work: () => void): number => {
    const start = performance.now();
    work();
    return (times * 1_000) / (performance.now() - start);
  };
  for (let warmUp = 0; warmUp < warmUps; warmUp += 1) {
    theirs();
    ours();
  }
  return pairOf(Array.from({ length: rounds }, () => ({ theirs: perSecond(theirs), ours: perSecond(ours) })));
}

const warmUps = 3;
const rounds = 15;
