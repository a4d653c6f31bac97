import type { Result } from '../kernel/result.ts';
import type { Decision } from './decision-log.ts';

/** One chain of decisions: the process that wrote it, and when it began (ISO 8601). */
export interface RecordWriter {
  readonly id: string;
  readonly startedAt: string;
}

/** A decision as it was written to a decision log. */
export interface DecisionRecord {
  readonly writer: RecordWriter;
  /** From 1, without gaps, per writer. */
  readonly sequence: number;
  readonly hash: string;
  readonly decision: Decision;
  /** The line of the decision log, byte for byte and without its line feed: what the chain is checked with. */
  readonly line: string;
}

/** All that are given must fit. */
export interface RecordQuery {
  readonly verdicts?: readonly Decision['verdict'][];
  readonly namespace?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly policy?: string;
  readonly code?: string;
  /** Part of an image's name or digest. */
  readonly image?: string;
  /** Part of a message, image, name, user, policy or code. */
  readonly text?: string;
  /** ISO 8601, inclusive. */
  readonly since?: string;
  /** ISO 8601, exclusive. */
  readonly until?: string;
  /** `next` of the page before. */
  readonly after?: string;
  /** 1 to 1,000. */
  readonly limit: number;
}

export interface RecordPage {
  /** Newest first. */
  readonly records: readonly DecisionRecord[];
  /** Where the next, older page begins; absent on the last one. */
  readonly next?: string;
}

/** What is stored of one chain. */
export interface ChainPosition {
  readonly writer: RecordWriter;
  /** Beyond `last` when retention has removed all of it. */
  readonly first: number;
  readonly last: number;
  /** Less than `last - first + 1`: records between them are missing. */
  readonly count: number;
}

/** A record that was not stored, and never will be: its line is no record, or another one has its place. */
export interface RefusedRecord {
  readonly writer: RecordWriter;
  readonly sequence: number;
  readonly why: 'malformed' | 'tampered';
  readonly message: string;
}

export interface Added {
  readonly added: number;
  /** Absent: none. */
  readonly refused?: readonly RefusedRecord[];
}

/**
 * Where decisions of all replicas are kept and asked for. Failures are RECORDS_UNAVAILABLE; without `retryAfterSeconds`
 * trying again is of no use until somebody has acted.
 */
export interface Records {
  /**
   * Stores what is not there yet; a record is known by writer and sequence, so that nothing is stored twice. The lines of
   * one writer come in order. Nothing that is stored is ever replaced.
   */
  add(records: readonly DecisionRecord[]): Promise<Result<Added>>;
  list(query: RecordQuery): Promise<Result<RecordPage>>;
  /** Every record of a request: by correlation id, or by the uid of the admission request. At most 1,000, oldest first. */
  find(id: string): Promise<Result<readonly DecisionRecord[]>>;
  positions(): Promise<Result<readonly ChainPosition[]>>;
  /** One chain in the order of writing, from `from` on, for export, verification and copying. */
  chain(writer: RecordWriter, from: number, limit: number): Promise<Result<readonly DecisionRecord[]>>;
  close(): Promise<void>;
}
