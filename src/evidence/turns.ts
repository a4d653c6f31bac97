/** A few at a time hold something large; the others wait in their order, or until their time is up. */
export interface Turns {
  /** How to end the turn; undefined when the time was up before it came. */
  begin(signal: AbortSignal): Promise<(() => void) | undefined>;
}

export function createTurns(limit: number): Turns {
  const waiting = new Set<() => void>();
  let free = limit;

  function end(): void {
    const [next] = waiting;
    if (next === undefined) free += 1;
    else next();
  }

  return {
    begin(signal) {
      if (signal.aborted) return Promise.resolve(undefined);
      if (free > 0) {
        free -= 1;
        return Promise.resolve(once(end));
      }
      return new Promise((resolve) => {
        const leave = (): void => {
          waiting.delete(take);
          resolve(undefined);
        };
        const take = (): void => {
          waiting.delete(take);
          signal.removeEventListener('abort', leave);
          resolve(once(end));
        };
        waiting.add(take);
        signal.addEventListener('abort', leave, { once: true });
      });
    },
  };
}

function once(end: () => void): () => void {
  let isOver = false;
  return () => {
    if (!isOver) end();
    isOver = true;
  };
}
