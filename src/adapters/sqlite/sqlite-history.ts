/** Action history in the SQLite file of the decision records, and in its two threads: one writes, one is asked. */
import type { Result } from '../../kernel/result.ts';
import type { ActionHistoryStore, HistoryMethod } from '../../records/history/store.ts';

export type AskHistory = <T>(method: HistoryMethod, args: readonly unknown[]) => Promise<Result<T>>;

export function sqliteHistory(read: AskHistory, write: AskHistory): ActionHistoryStore {
  return {
    record: (...args) => write('record', args),
    assess: (...args) => write('assess', args),
    removeOld: (...args) => write('removeOld', args),
    list: (...args) => read('list', args),
    find: (...args) => read('find', args),
    oldest: (...args) => read('oldest', args),
    effectiveness: (...args) => read('effectiveness', args),
    changes: (...args) => read('changes', args),
  };
}
