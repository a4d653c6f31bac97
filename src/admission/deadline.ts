/**
 * The result of the work, or `late()` when the work goes on for `graceMs` after the signal. Work that heeds the signal
 * sums up what it has within the grace; work that does not is left behind.
 */
export function settleBy<T>(signal: AbortSignal, graceMs: number, work: Promise<T>, late: () => T): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  let timer: NodeJS.Timeout | undefined;
  const start = (): void => {
    timer = setTimeout(() => resolve(late()), graceMs);
  };
  if (signal.aborted) start();
  else signal.addEventListener('abort', start, { once: true });
  const end = (): void => {
    signal.removeEventListener('abort', start);
    clearTimeout(timer);
  };
  work.then(resolve, reject).finally(end);
  return promise;
}

export function settleWithin<T>(ms: number, work: Promise<T>, late: () => T): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const timer = setTimeout(() => resolve(late()), ms);
  work.then(resolve, reject).finally(() => clearTimeout(timer));
  return promise;
}
