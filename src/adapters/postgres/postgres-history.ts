/** Action history in PostgreSQL, beside the decision records. */
import type { Result } from '../../kernel/result.ts';
import { historyWorks, type ActionHistoryStore } from '../../records/history/store.ts';
import type { Work } from '../../records/history/work.ts';
import type { Pool, Query } from './pool.ts';

const works = historyWorks({ parameter: (n) => `$${n}`, forUpdate: 'FOR UPDATE' });

export function postgresHistory(pool: Pool, ready: () => Promise<Result<void>>): ActionHistoryStore {
  async function read<T>(work: () => Work<T>): Promise<Result<T>> {
    const made = await ready();
    return made.ok ? pool.use((query) => done(query, work())) : made;
  }

  async function write<T>(work: () => Work<T>): Promise<Result<T>> {
    const made = await ready();
    return made.ok ? pool.transaction((query) => done(query, work())) : made;
  }

  return {
    record: (actions) => write(() => works.record(actions)),
    assess: (assessments) => write(() => works.assess(assessments)),
    removeOld: (now, days) => write(() => works.removeOld(now, days)),
    list: (query) => read(() => works.list(query)),
    find: (workflowUid, step) => read(() => works.find(workflowUid, step)),
    oldest: () => read(() => works.oldest()),
    effectiveness: (query) => read(() => works.effectiveness(query)),
    changes: (after, limit) => read(() => works.changes(after, limit)),
  };
}

async function done<T>(query: Query, work: Work<T>): Promise<T> {
  let step = work.next();
  while (step.done !== true) step = work.next((await query(step.value.sql, step.value.values)).rows);
  return step.value;
}
