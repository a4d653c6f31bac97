/**
 * Every replica with a store of its own takes over the history of the others. Each peer counts its changes, and is asked
 * for those since the last. What is taken over twice changes nothing, so that nothing goes back and forth.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Result } from '../../kernel/result.ts';
import type { ActionChanges, ActionHistory } from '../../ports/action-history.ts';
import type { Logger } from '../../ports/logger.ts';

/** The records API of another replica; every answer has a deadline and a limit on its size. */
export interface HistoryPeer {
  /** For messages, e.g. its address. */
  readonly name: string;
  changes(after: number, limit: number): Promise<Result<ActionChanges>>;
}

export interface CopyHistoryPorts {
  readonly history: Pick<ActionHistory, 'record' | 'assess'>;
  readonly log: Logger;
  readonly peers: () => Promise<readonly HistoryPeer[]>;
}

/** How far a peer's changes were taken over. */
export interface Copied {
  readonly store: string;
  readonly change: number;
}

const everyMs = 2_000;
const batch = 200;
/** Of one peer in one round, so that others have their turn. */
const batchesPerRound = 40;

/** Returns how to stop. */
export function copyHistory(ports: CopyHistoryPorts, intervalMs = everyMs): () => Promise<void> {
  const stop = new AbortController();
  const work = run(ports, intervalMs, stop.signal);
  return async () => {
    stop.abort();
    await work;
  };
}

async function run(ports: CopyHistoryPorts, intervalMs: number, stopped: AbortSignal): Promise<void> {
  const copied = new Map<string, Copied>();
  const told = new Map<string, string>();
  while (!stopped.aborted) {
    const peers = await ports.peers();
    const names = new Set(peers.map(({ name }) => name));
    forget(copied, names);
    forget(told, names);
    for (const peer of peers) {
      if (stopped.aborted) return;
      const problem = await copyHistoryFrom(ports.history, peer, copied);
      // Each problem once, until it is another one or over.
      if (problem !== undefined && told.get(peer.name) !== problem)
        ports.log.warn({ peer: peer.name, reason: problem }, 'action history of another replica cannot be copied');
      if (problem === undefined) told.delete(peer.name);
      else told.set(peer.name, problem);
    }
    await sleep(intervalMs, undefined, { signal: stopped, ref: false }).catch(() => undefined);
  }
}

function forget(known: Map<string, unknown>, names: ReadonlySet<string>): void {
  for (const name of known.keys()) if (!names.has(name)) known.delete(name);
}

/** One round; gives why it did not succeed. */
export async function copyHistoryFrom(
  history: CopyHistoryPorts['history'],
  peer: HistoryPeer,
  copied: Map<string, Copied>,
): Promise<string | undefined> {
  for (let left = batchesPerRound; left > 0; left -= 1) {
    const before = copied.get(peer.name) ?? { store: '', change: 0 };
    const found = await peer.changes(before.change, batch);
    if (!found.ok) return found.failure.message;
    const { store, changes } = found.value;
    // Another store under the name of one that is gone counts from the beginning.
    const isAnother = before.change > 0 && store !== before.store;
    const last = changes.at(-1);
    if (isAnother) copied.delete(peer.name);
    else if (last === undefined) return undefined;
    else {
      const problem = await takeOver(history, before.change, changes);
      if (problem !== undefined) return problem;
      copied.set(peer.name, { store, change: last.change });
    }
  }
  return undefined;
}

async function takeOver(
  history: CopyHistoryPorts['history'],
  after: number,
  changes: ActionChanges['changes'],
): Promise<string | undefined> {
  if (changes.some(({ change }) => change <= after)) return 'it answers with other changes than those it was asked for';
  const actions = changes.flatMap((one) => (one.kind === 'action' ? [one.action] : []));
  const assessments = changes.flatMap((one) => (one.kind === 'assessment' ? [one.assessment] : []));
  const recorded = await history.record(actions);
  if (!recorded.ok) return recorded.failure.message;
  const assessed = await history.assess(assessments);
  return assessed.ok ? undefined : assessed.failure.message;
}
