/** `90d`, or a duration as Go writes it, such as 24h or 1h30m: milliseconds back from now. */
const units: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };
const longestMs = 36_500 * 86_400_000;

export function parseTimeRange(text: string): number | undefined {
  if (!/^(?:\d{1,9}(?:\.\d{1,9})?(?:ms|[dhms])){1,5}$/.test(text)) return undefined;
  const parts = [...text.matchAll(/([\d.]+)(ms|[dhms])/g)];
  const ms = parts.reduce((sum, [, count = '', unit = '']) => sum + Number(count) * (units[unit] ?? Number.NaN), 0);
  return ms > 0 && ms <= longestMs ? Math.round(ms) : undefined;
}
