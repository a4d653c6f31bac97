export interface Pauses {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** The pause after so many failures in a row: doubled each time, and spread, so that replicas do not come together. */
export function backOff({ firstMs, longestMs }: Pauses, failures: number, random: () => number = Math.random): number {
  const full = Math.min(longestMs, firstMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
  return full * (0.5 + random() / 2);
}
