import { randomUUID } from 'node:crypto';
import type { Result } from '../../kernel/result.ts';
import type { ActionAssessment, ActionHistory, ActionQuery, ActionRecord } from '../../ports/action-history.ts';
import type { Dialect } from '../statements.ts';
import { effectivenessWork } from './effectiveness-work.ts';
import { changesWork, findWork, listWork, oldestWork } from './read-work.ts';
import { removeOldWork } from './remove-old-work.ts';
import type { Work } from './work.ts';
import { assessWork, recordWork } from './write-work.ts';

/** The history with what only its owner may do. */
export interface ActionHistoryStore extends ActionHistory {
  /** Removes some of what began more than so many days ago; gives how many, 0 when nothing is left to remove. */
  removeOld(now: Date, days: number): Promise<Result<number>>;
}

export interface HistoryDialect extends Pick<Dialect, 'parameter'> {
  readonly forUpdate: string;
}

/** Every method of the store as work of its database; those that write are one transaction. */
export function historyWorks(dialect: HistoryDialect) {
  const { parameter } = dialect;
  return {
    record: (actions: readonly ActionRecord[]) => recordWork(dialect, randomUUID(), actions),
    assess: (assessments: readonly ActionAssessment[]) => assessWork(dialect, randomUUID(), assessments),
    removeOld: (now: Date, days: number) => removeOldWork(parameter, now, days),
    list: (query: ActionQuery) => listWork(parameter, query),
    find: (workflowUid: string, step: string) => findWork(parameter, workflowUid, step),
    oldest: () => oldestWork(),
    effectiveness: (query: Pick<ActionQuery, 'actionType' | 'since'>) => effectivenessWork(parameter, query),
    changes: (after: number, limit: number) => changesWork(parameter, after, limit),
  } satisfies Readonly<Record<keyof ActionHistoryStore, (...given: never[]) => Work<unknown>>>;
}

export type HistoryMethod = keyof ActionHistoryStore;
export const writingMethods: readonly HistoryMethod[] = ['record', 'assess', 'removeOld'];
