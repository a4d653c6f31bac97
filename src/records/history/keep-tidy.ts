/** Removes records of actions that need not be kept any more, a step at a time and every so often. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { ActionHistoryStore } from './store.ts';

export interface TidyHistoryPorts {
  readonly history: Pick<ActionHistoryStore, 'removeOld'>;
  readonly clock: Clock;
  readonly log: Logger;
}

const everyMs = 10 * 60_000;
/** Between steps, so that writing and asking have their turn. */
const stepPauseMs = 50;

/** Returns how to stop. */
export function keepHistoryTidy(ports: TidyHistoryPorts, days: number, intervalMs = everyMs): () => Promise<void> {
  const stop = new AbortController();
  const work = run(ports, days, intervalMs, stop.signal);
  return async () => {
    stop.abort();
    await work;
  };
}

async function run(ports: TidyHistoryPorts, days: number, intervalMs: number, stopped: AbortSignal): Promise<void> {
  const { history, clock, log } = ports;
  let total = 0;
  while (!stopped.aborted) {
    const removed = await history.removeOld(clock.now(), days);
    if (!removed.ok) log.warn({ reason: removed.failure.message }, 'old action records cannot be removed');
    const count = removed.ok ? removed.value : 0;
    total += count;
    if (count === 0 && total > 0) log.info({ removed: total }, 'old action records removed');
    if (count === 0) total = 0;
    const ms = count > 0 ? stepPauseMs : intervalMs;
    await sleep(ms, undefined, { signal: stopped, ref: false }).catch(() => undefined);
  }
}
