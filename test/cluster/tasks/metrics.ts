/** What a scrape of /metrics says. */

type Labels = Readonly<Record<string, string>>;

/** The value with exactly these labels; undefined: there is none. */
export function metricsIn(text: string): (name: string, labels: Labels) => number | undefined {
  const values = new Map<string, number>();
  for (const [, name = '', labels = '', value = ''] of text.matchAll(/^(\w+)\{([^}]*)\} (\S+)$/gm)) {
    const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', of = '']) => [label, of] as const);
    values.set(keyOf(name, Object.fromEntries(pairs)), Number(value));
  }
  return (name, labels) => values.get(keyOf(name, labels));
}

function keyOf(name: string, labels: Labels): string {
  const sorted = Object.entries(labels).toSorted(([a], [b]) => a.localeCompare(b));
  return JSON.stringify([name, sorted]);
}
