/**
 * How long an answer may take. The API server appends its own patience as `?timeout=10s`; ours ends a little earlier, so
 * that the answer is ours and says why, not a "context deadline exceeded".
 */
const defaultTimeoutMs = 10_000;
/** What a webhook configuration may ask for at most. */
const longestTimeoutMs = 30_000;
const marginMs = 500;

export function deadlineMs(timeout: string | undefined): number {
  const asked = timeout === undefined ? undefined : parseGoDuration(timeout);
  const patience = Math.min(asked ?? defaultTimeoutMs, longestTimeoutMs);
  // Half of very short timeouts: an answer in time is worth more than a full margin.
  return Math.max(patience - marginMs, patience / 2);
}

const unitMs: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  ns: 1e-6,
};

/** Go's time.ParseDuration for positive durations, e.g. "10s" or "1m30s"; undefined for anything else. */
export function parseGoDuration(text: string): number | undefined {
  if (!/^(?:\d{1,9}(?:\.\d{1,9})?(?:h|ms|us|µs|ns|m|s))+$/.test(text)) return undefined;
  const parts = text.matchAll(/(?<count>[\d.]+)(?<unit>[a-zµ]+)/g);
  const total = [...parts].reduce((sum, { groups }) => {
    return sum + Number(groups?.['count']) * (unitMs[groups?.['unit'] ?? ''] ?? Number.NaN);
  }, 0);
  return total > 0 ? total : undefined;
}
