import { ok, type Result } from '../kernel/result.ts';

const few = 4;

/** Works on a few items at a time, and ends with the first failure; results are in the order of the items. */
export async function fewAtATime<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<Result<R>>,
): Promise<Result<readonly R[]>> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += few) {
    for (const one of await Promise.all(items.slice(start, start + few).map(work))) {
      if (!one.ok) return one;
      results.push(one.value);
    }
  }
  return ok(results);
}
