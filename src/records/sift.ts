import type { DecisionRecord, RefusedRecord } from '../ports/records.ts';
import { parseRecord, type ProvenRecord } from './parse-record.ts';
import { chainKey } from './row.ts';

/** Records of one chain whose numbers follow each other. */
export interface Run {
  readonly chain: number;
  readonly first: number;
  readonly last: number;
  readonly records: readonly ProvenRecord[];
}

/** What a store holds around a run: hashes by sequence, the one before it among them, and what retention removed. */
export interface Stored {
  readonly hashes: ReadonlyMap<number, string>;
  readonly removed: number;
}

export interface Sifted {
  readonly fresh: readonly DecisionRecord[];
  readonly refused: readonly RefusedRecord[];
}

/** Proves every line anew: what is stored is what the line says. By chain key, so that writers lock in one order. */
export function runsOf(records: readonly DecisionRecord[]): {
  readonly runs: readonly Run[];
  readonly refused: readonly RefusedRecord[];
} {
  const proven: ProvenRecord[] = [];
  const refused: RefusedRecord[] = [];
  for (const given of records) {
    const problem = prove(given, proven);
    if (problem !== undefined) refused.push(refuse(given, 'malformed', problem));
  }
  return { runs: joined(proven), refused };
}

function prove(given: DecisionRecord, proven: ProvenRecord[]): string | undefined {
  const parsed = parseRecord(Buffer.from(given.line));
  if (!parsed.ok) return parsed.failure;
  const { writer, sequence, hash } = parsed.value.record;
  const same = writer.id === given.writer.id && writer.startedAt === given.writer.startedAt;
  if (!same || sequence !== given.sequence || hash !== given.hash) return 'it is the line of another record';
  proven.push(parsed.value);
  return undefined;
}

function joined(proven: readonly ProvenRecord[]): readonly Run[] {
  const keyed = proven.map((found) => ({ found, chain: chainKey(found.record.writer) }));
  const ordered = keyed.toSorted(
    (one, other) => one.chain - other.chain || one.found.record.sequence - other.found.record.sequence,
  );
  const runs: { chain: number; first: number; last: number; records: ProvenRecord[] }[] = [];
  for (const { found, chain } of ordered) {
    const { sequence } = found.record;
    const open = runs.at(-1);
    if (open?.chain === chain && sequence <= open.last + 1) {
      open.records.push(found);
      open.last = sequence;
    } else runs.push({ chain, first: sequence, last: sequence, records: [found] });
  }
  return runs;
}

/** What of a run is to be stored. A place that is taken by another line, or a line that does not continue, is tampering. */
export function sift(run: Run, stored: Stored): Sifted {
  const fresh: DecisionRecord[] = [];
  const refused: RefusedRecord[] = [];
  const hashes = new Map(stored.hashes);
  const refusedHashes = new Set<string>();
  for (const { record, prev } of run.records) {
    if (record.sequence <= stored.removed) continue;
    const taken = hashes.get(record.sequence);
    if (taken === record.hash) continue;
    const problem = tampering(taken, hashes.get(record.sequence - 1), prev, refusedHashes);
    if (problem === undefined) {
      hashes.set(record.sequence, record.hash);
      fresh.push(record);
    } else {
      refusedHashes.add(record.hash);
      refused.push(refuse(record, 'tampered', problem));
    }
  }
  return { fresh, refused };
}

function tampering(
  taken: string | undefined,
  before: string | undefined,
  prev: string,
  refusedHashes: ReadonlySet<string>,
): string | undefined {
  if (taken !== undefined) return 'another record has its place';
  if (before !== undefined && before !== prev) return 'it does not continue the record before it';
  return refusedHashes.has(prev) ? 'it continues a record that was refused' : undefined;
}

function refuse({ writer, sequence }: DecisionRecord, why: RefusedRecord['why'], message: string): RefusedRecord {
  return { writer, sequence, why, message };
}
