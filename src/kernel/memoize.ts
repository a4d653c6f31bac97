/**
 * Remembers the results of a pure function for its latest `limit` keys. For things that are expensive to compute and
 * cheap to keep, such as parsed keys; a function that throws is tried again. `of` is what the key stands for, where making
 * takes more than the key.
 */
export function memoize<V, T = void>(limit: number, make: (key: string, of: T) => V): (key: string, of: T) => V {
  const known = new Map<string, V>();
  return (key, of) => {
    const found = known.get(key);
    if (found !== undefined) return found;
    const made = make(key, of);
    const [oldest] = known.keys();
    if (known.size >= limit && oldest !== undefined) known.delete(oldest);
    known.set(key, made);
    return made;
  };
}
