import type { Result } from '../kernel/result.ts';
import type { Records } from '../ports/records.ts';
import type { ActionHistoryStore } from './history/store.ts';
import type { Keep } from './retention.ts';

/** A store of records with what only its owner may do. */
export interface RecordStore extends Records {
  /** Of the actions that were run, in the same database. */
  readonly history: ActionHistoryStore;
  /** Whether it can be used, migrated if need be. Without `retryAfterSeconds` somebody has to act first. */
  ready(): Promise<Result<void>>;
  /** Removes some of what need not be kept, the beginning of chains; gives how many, 0 when nothing is left to remove. */
  removeOld(now: Date, keep: Keep): Promise<Result<number>>;
}
