/** One image and one question, judged by both. */
import { intendedDifferences } from './intended-differences.ts';

export interface Pair {
  readonly scene: string;
  readonly ask: string;
  readonly cosign: boolean;
  readonly ours: boolean;
  /** For who has to find out. */
  readonly why: string;
}

export function differences(pairs: readonly Pair[]): readonly string[] {
  return pairs.filter(({ cosign, ours }) => cosign !== ours).map(describe);
}

/** The differences as they ought to come out. */
export function intended(pairs: readonly Pair[]): readonly string[] {
  return pairs.flatMap((pair) => {
    const found = intendedDifferences.find(
      ({ scenes, asks }) => scenes.includes(pair.scene) && asks.includes(pair.ask),
    );
    return found === undefined ? [] : [describe({ ...pair, ours: found.we === 'accept' })];
  });
}

function describe({ ask, ours, why }: Pair): string {
  return `${ask}: we ${ours ? 'accept' : 'refuse'} what cosign ${ours ? 'refuses' : 'accepts'} (${why})`;
}
