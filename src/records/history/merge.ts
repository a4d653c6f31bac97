/**
 * Two records of one step as one, the same in whichever order they come and however often: replicas that copy from each
 * other end with the same. The one that tells more of the end is believed; what only the other one knows is kept.
 */
import { stableJson } from '../../kernel/stable-json.ts';
import type { ActionAssessment, ActionRecord } from '../../ports/action-history.ts';

export function mergeActions(one: ActionRecord, other: ActionRecord): ActionRecord {
  const [less, more] = compare(rankOf(one), rankOf(other)) <= 0 ? [one, other] : [other, one];
  return { ...(more.status === 'completed' ? withoutFailure(less) : less), ...more };
}

/** What a run before the one that completed failed of is not why that one did. */
function withoutFailure(action: ActionRecord): ActionRecord {
  const { failureReason: _reason, failureMessage: _message, exitCode: _code, ...rest } = action;
  return rest;
}

/** By workflow and step, each once. */
export function mergeAll(actions: readonly ActionRecord[]): ReadonlyMap<string, ActionRecord> {
  const merged = new Map<string, ActionRecord>();
  for (const action of actions) {
    const key = keyOf(action);
    const before = merged.get(key);
    merged.set(key, before === undefined ? action : mergeActions(before, action));
  }
  return merged;
}

function keyOf({ workflowUid, step }: Pick<ActionRecord, 'workflowUid' | 'step'>): string {
  return JSON.stringify([workflowUid, step]);
}

/** The later one; of the same time always the same one. */
export function newerAssessment(one: ActionAssessment, other: ActionAssessment): ActionAssessment {
  const rank = (of: ActionAssessment): Rank => [Date.parse(of.assessedAt), stableJson(of)];
  return compare(rank(one), rank(other)) >= 0 ? one : other;
}

type Rank = readonly (number | string)[];

function rankOf(action: ActionRecord): Rank {
  return [
    action.status === 'executing' ? 0 : 1,
    action.completedAt === undefined ? 0 : Date.parse(action.completedAt),
    action.attempts ?? 0,
    Date.parse(action.executedAt),
    Object.keys(action).length,
    stableJson(action),
  ];
}

function compare(one: Rank, other: Rank): number {
  for (const [index, value] of one.entries()) {
    const beside = other[index] ?? value;
    if (value !== beside) return value < beside ? -1 : 1;
  }
  return 0;
}
