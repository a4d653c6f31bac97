/** How long ago, as kubectl says it: the two largest units while they matter. Empty: it is not known. */
export function ageOf(since: string, now: Date): string {
  const seconds = Math.floor((now.getTime() - Date.parse(since)) / 1_000);
  if (Number.isNaN(seconds)) return '';
  const [minutes, hours, days] = [60, 3_600, 86_400].map((unit) => Math.floor(seconds / unit));
  // A clock that is behind the API server's.
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 600) return `${minutes}m${seconds % 60}s`;
  if (seconds < 10_800) return `${minutes}m`;
  return seconds < 172_800 ? `${hours}h` : `${days}d`;
}
