/**
 * Keeps the status of policies and trust roots true, and tells what is wrong with them in events. Only the leader writes,
 * only what differs, the broken ones first, and no faster than the API server can do on the side: ten thousand policies
 * are written once, when they are new. Nothing here decides about requests, and no failure here changes what is in force.
 */
import type { Clock } from '../../ports/clock.ts';
import type { Events } from '../../ports/events.ts';
import type { Leadership } from '../../ports/leadership.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Policies } from '../../ports/policies.ts';
import type { PolicyObjects } from '../../ports/policy-objects.ts';
import type { PolicyStatuses } from '../../ports/policy-statuses.ts';
import type { Change } from './decide.ts';
import { changeFinder } from './find-changes.ts';
import { writtenBefore } from './written-before.ts';

export interface PolicyControllerPorts {
  readonly policies: PolicyObjects & Pick<Policies, 'current'>;
  readonly statuses: PolicyStatuses;
  readonly events: Events;
  /** Absent: there is one process, which leads. */
  readonly leadership?: Leadership;
  /** Running images per kind/name, from a background scan; undefined until it has counted. */
  readonly matchedImages?: () => ReadonlyMap<string, number> | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Milliseconds, but for what is counted. */
export interface PolicyControllerTiming {
  /** Between looks without a change: exceptions expire, and images are counted, without anybody changing a policy. */
  readonly look: number;
  /** Until the next try when the API server takes nothing. */
  readonly retry: number;
  /** For which nothing is written again with the same content: somebody else overwrites it, and nobody would ever win. */
  readonly truce: number;
  /** Written at once; after each batch comes a pause, and what changed meanwhile is looked at again. */
  readonly batch: number;
  readonly pause: number;
}

const usualTiming: PolicyControllerTiming = { look: 60_000, retry: 10_000, truce: 300_000, batch: 10, pause: 200 };

/** Begins at once. */
export function startPolicyController(
  ports: PolicyControllerPorts,
  timing: PolicyControllerTiming = usualTiming,
): { close(): Promise<void> } {
  const written = writtenBefore(timing.truce);
  const find = changeFinder(ports);
  let closed = false;
  let hasNews = true;
  let wake = (): void => undefined;
  let lastProblem = '';

  function ask(): void {
    hasNews = true;
    wake();
  }

  async function run(): Promise<void> {
    while (!closed) {
      const everything = !hasNews;
      hasNews = false;
      if (leads()) await writeAll(everything);
      if (!hasNews && !closed) await atMost(timing.look, true);
    }
  }

  async function writeAll(everything: boolean): Promise<void> {
    let wait = await writeBatch(everything);
    while (wait !== undefined && !closed && leads()) {
      await atMost(wait, false);
      wait = await writeBatch(false);
    }
  }

  async function atMost(ms: number, isInterrupted: boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms).unref();
    wake = (): void => {
      if (isInterrupted || closed) resolve();
    };
    await promise;
    clearTimeout(timer);
  }

  function leads(): boolean {
    return ports.leadership?.isLeader() ?? true;
  }

  /** Gives how long to wait for the next one; nothing when there is none. */
  async function writeBatch(everything: boolean): Promise<number | undefined> {
    const changes = (await find(everything)).filter((change) => !written.has(change, ports.clock.now()));
    if (changes.length === 0) {
      lastProblem = '';
      return undefined;
    }
    const batch = changes.toSorted((a, b) => Number(b.isUrgent) - Number(a.isUrgent)).slice(0, timing.batch);
    const outcomes = await Promise.all(batch.map(write));
    return outcomes.every((isTaken) => isTaken) ? timing.pause : timing.retry;
  }

  /** Whether the API server takes anything at all. */
  async function write(change: Change): Promise<boolean> {
    const outcome = await ports.statuses.write(change, change.status);
    if (outcome.kind === 'unavailable' || outcome.kind === 'not-accepted') complain(outcome.reason);
    if (outcome.kind === 'unavailable') return false;
    // The newer version comes with the watch.
    if (outcome.kind === 'superseded') return true;
    written.add(change, ports.clock.now());
    for (const event of change.events) ports.events.tell(event);
    return true;
  }

  /** Each problem is logged when it appears, not at every try. */
  function complain(problem: string): void {
    if (problem !== lastProblem) ports.log.warn({ reason: problem }, 'status of a policy not written');
    lastProblem = problem;
  }

  const stops = [ports.policies.onChange(ask), ports.leadership?.onChange(ask)];
  const running = run();
  return {
    close: async () => {
      for (const stop of stops) stop?.();
      closed = true;
      wake();
      await running;
    },
  };
}
