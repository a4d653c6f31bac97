/** Removes records that need not be kept any more, a step at a time and every so often. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { Keep } from './retention.ts';
import type { RecordStore } from './store.ts';

export interface TidyPorts {
  readonly store: Pick<RecordStore, 'removeOld'>;
  readonly clock: Clock;
  readonly log: Logger;
}

const everyMs = 60_000;
/** Between steps, so that adding and asking have their turn. */
const stepPauseMs = 50;

/** Returns how to stop. */
export function keepTidy(ports: TidyPorts, keep: Keep, intervalMs = everyMs): () => Promise<void> {
  const stop = new AbortController();
  const work = run(ports, keep, intervalMs, stop.signal);
  return async () => {
    stop.abort();
    await work;
  };
}

async function run({ store, clock, log }: TidyPorts, keep: Keep, everyOf: number, stopped: AbortSignal): Promise<void> {
  let total = 0;
  while (!stopped.aborted) {
    const removed = await store.removeOld(clock.now(), keep);
    if (!removed.ok) log.warn({ reason: removed.failure.message }, 'old records cannot be removed');
    const count = removed.ok ? removed.value : 0;
    total += count;
    if (count === 0 && total > 0) log.info({ removed: total }, 'old records removed');
    if (count === 0) total = 0;
    const ms = count > 0 ? stepPauseMs : everyOf;
    await sleep(ms, undefined, { signal: stopped, ref: false }).catch(() => undefined);
  }
}
