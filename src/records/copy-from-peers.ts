/**
 * Every replica with a store of its own takes over what the others have, so that each of them shows all decisions. Each
 * line is proven by its hash before it is stored, and a chain is stored only as far as it continues what is there; that
 * shows damage and changes, not who wrote it. Whether a peer is one of us is for its TLS certificate to prove.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Result } from '../kernel/result.ts';
import type { Logger } from '../ports/logger.ts';
import type { ChainPosition, DecisionRecord, Records, RecordWriter } from '../ports/records.ts';
import { chainKey } from './row.ts';

/** The records API of another replica; every answer has a deadline and a limit on its size. */
export interface Peer {
  /** For messages, e.g. its address. */
  readonly name: string;
  positions(): Promise<Result<readonly ChainPosition[]>>;
  chain(writer: RecordWriter, from: number, limit: number): Promise<Result<readonly DecisionRecord[]>>;
}

export interface CopyPorts {
  readonly records: Pick<Records, 'add' | 'positions'>;
  readonly log: Logger;
  readonly peers: () => Promise<readonly Peer[]>;
}

const everyMs = 2_000;
const batch = 500;
/** Of one peer in one round, so that others have their turn. */
const batchesPerRound = 40;
/** A peer that names more chains than this is not asked for all of them. */
const mostChains = 10_000;

/** Returns how to stop. */
export function copyFromPeers(ports: CopyPorts, intervalMs = everyMs): () => Promise<void> {
  const stop = new AbortController();
  const work = run(ports, intervalMs, stop.signal);
  return async () => {
    stop.abort();
    await work;
  };
}

async function run(ports: CopyPorts, intervalMs: number, stopped: AbortSignal): Promise<void> {
  const told = new Map<string, string>();
  while (!stopped.aborted) {
    const peers = await ports.peers();
    for (const name of told.keys()) if (!peers.some((peer) => peer.name === name)) told.delete(name);
    for (const peer of peers) {
      const problem = stopped.aborted ? undefined : await copyFrom(ports, peer, stopped);
      // Each problem once, until it is another one or over.
      if (problem !== undefined && told.get(peer.name) !== problem)
        ports.log.warn({ peer: peer.name, reason: problem }, 'decisions of another replica cannot be copied');
      if (problem === undefined) told.delete(peer.name);
      else told.set(peer.name, problem);
    }
    await sleep(intervalMs, undefined, { signal: stopped, ref: false }).catch(() => undefined);
  }
}

/** One round; gives why it did not succeed. */
export async function copyFrom(
  { records, log }: Pick<CopyPorts, 'records' | 'log'>,
  peer: Peer,
  stopped?: AbortSignal,
): Promise<string | undefined> {
  const [theirs, ours] = await Promise.all([peer.positions(), records.positions()]);
  if (!theirs.ok) return theirs.failure.message;
  if (!ours.ok) return ours.failure.message;
  const known = new Map(ours.value.map((position) => [chainKey(position.writer), position]));
  let left = batchesPerRound;
  for (const position of theirs.value.slice(0, mostChains)) {
    let from = nextOf(known.get(chainKey(position.writer)), position);
    while (from <= position.last && left > 0 && stopped?.aborted !== true) {
      left -= 1;
      const copied = await copyBatch({ records, log }, peer, position.writer, from);
      if (typeof copied === 'string') return copied;
      from = copied;
    }
  }
  return undefined;
}

/** A chain that has holes here is asked for from its beginning. */
function nextOf(ours: ChainPosition | undefined, theirs: ChainPosition): number {
  if (ours === undefined) return theirs.first;
  const isWhole = ours.count === ours.last - ours.first + 1;
  const theirsIsFuller = theirs.count > ours.count && theirs.first <= ours.last;
  return isWhole || !theirsIsFuller ? Math.max(ours.last + 1, theirs.first) : Math.max(ours.first, theirs.first);
}

/** Gives where to go on, or why not. */
async function copyBatch(
  { records, log }: Pick<CopyPorts, 'records' | 'log'>,
  peer: Peer,
  writer: RecordWriter,
  from: number,
): Promise<number | string> {
  const found = await peer.chain(writer, from, batch);
  if (!found.ok) return found.failure.message;
  const last = found.value.at(-1);
  // It has removed them since it told of them.
  if (last === undefined) return Number.POSITIVE_INFINITY;
  const isAsked = found.value.every(({ writer: of, sequence }) => {
    return of.id === writer.id && of.startedAt === writer.startedAt && sequence >= from;
  });
  if (!isAsked || last.sequence < from) return 'it answers with other records than those it was asked for';
  const added = await records.add(found.value);
  if (!added.ok) return added.failure.message;
  const [refused] = added.value.refused ?? [];
  if (refused === undefined) return last.sequence + 1;
  log.error({ peer: peer.name, ...refused }, 'another replica has a record that is not what it was');
  return `record ${refused.sequence} of ${writer.id} was refused: ${refused.message}`;
}
