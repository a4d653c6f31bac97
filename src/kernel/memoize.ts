/**
 * Remembers the results of a pure function for its latest `limit` keys. For things that are expensive to compute and
 * cheap to keep, such as parsed keys; a function that throws is tried again.
 */
export function memoize<V>(limit: number, make: (key: string) => V): (key: string) => V {
  const known = new Map<string, V>();
  return (key) => {
    const found = known.get(key);
    if (found !== undefined) return found;
    const made = make(key);
    const [oldest] = known.keys();
    if (known.size >= limit && oldest !== undefined) known.delete(oldest);
    known.set(key, made);
    return made;
  };
}
