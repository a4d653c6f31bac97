/** For what is counted and told but not decided: a broken counter or log line stops no Pod. Undefined when it threw. */
export function quietly<T>(tell: () => T): T | undefined {
  try {
    return tell();
  } catch {
    return undefined;
  }
}
