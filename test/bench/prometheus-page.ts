/** Reads a page of metrics, as far as the bench asks for them. */

interface Sample {
  readonly labels: string;
  readonly value: number;
}

export function samples(page: string, name: string): readonly Sample[] {
  return page.split('\n').flatMap((line) => {
    const found = /^(?<name>\w+)(?:\{(?<labels>.*)\})? (?<value>\S+)$/.exec(line)?.groups;
    return found?.['name'] === name ? [{ labels: found['labels'] ?? '', value: Number(found['value']) }] : [];
  });
}

export interface Pages {
  readonly before: string;
  readonly after: string;
}

/** By how much a metric has grown, over all its labels. */
export function growth({ before, after }: Pages, name: string): number {
  const sum = (page: string): number => samples(page, name).reduce((all, { value }) => all + value, 0);
  return sum(after) - sum(before);
}

/** As Prometheus' histogram_quantile: within a bucket values are taken to be spread evenly. Only those with this label. */
export function quantile(pages: Pages, name: string, label: string, share: number): number {
  const earlier = bucketsOf(pages.before, name, label);
  const buckets = [...bucketsOf(pages.after, name, label)]
    .map(([bound, count]) => ({ bound, count: count - (earlier.get(bound) ?? 0) }))
    .toSorted((a, b) => a.bound - b.bound);
  const rank = share * (buckets.at(-1)?.count ?? 0);
  const at = buckets.findIndex(({ count }) => count >= rank && count > 0);
  const bucket = buckets[at];
  if (bucket === undefined) return Number.NaN;
  const below = buckets[at - 1] ?? { bound: 0, count: 0 };
  if (bucket.bound === Infinity) return below.bound;
  return below.bound + ((bucket.bound - below.bound) * (rank - below.count)) / (bucket.count - below.count);
}

function bucketsOf(page: string, name: string, label: string): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const { labels, value } of samples(page, `${name}_bucket`)) {
    const bound = Number(/le="(?<le>[^"]+)"/.exec(labels)?.groups?.['le']?.replace('+Inf', 'Infinity'));
    if (labels.includes(label)) counts.set(bound, (counts.get(bound) ?? 0) + value);
  }
  return counts;
}
