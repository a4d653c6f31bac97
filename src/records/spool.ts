import type { DecisionRecord } from '../ports/records.ts';
import type { Head } from './chain.ts';

/** Decisions that are written and wait to be delivered. */
export interface Spool {
  /** What comes next; the same again until `advance`. Empty when there is nothing more at present. */
  read(): Promise<SpoolBatch>;
  /** What was read last is stored: it does not come again, also after a crash. */
  advance(): Promise<void>;
  /** Begins with the oldest decision that is still there. */
  rewind(): Promise<void>;
  /** The last record that was delivered, perhaps by an earlier process. */
  delivered(): Promise<Head | undefined>;
  /** Bytes that wait. */
  backlog(): Promise<number>;
  close(): Promise<void>;
}

export interface SpoolBatch {
  readonly records: readonly DecisionRecord[];
  /** Lines that are no records; they are passed over. */
  readonly unreadable: readonly { readonly file: string; readonly at: number; readonly why: string }[];
  /** Decisions that rotation removed before they could be read; at least so many. */
  readonly lost: number;
}
