import { quoted } from '../../kernel/failure.ts';
import type { Condition } from '../../ports/policy-statuses.ts';

/** Conditions of other types are somebody else's. */
export const conditionTypes = [
  'Ready',
  'KeysInlined',
  'PoliciesInlined',
  'ConfigMapUpdated',
  'Matchable',
  'ExceptionsExpired',
] as const;
type ConditionType = (typeof conditionTypes)[number];

/** Far below the 32 KiB that meta/v1 has for it, and short enough to be read. */
const maxMessage = 2_000;

/** The last sentence is what people need most, and is never cut off. */
export function condition(
  type: ConditionType,
  status: Condition['status'],
  reason: string,
  ...sentences: readonly string[]
): Condition {
  const last = quoted(sentences.at(-1) ?? '', maxMessage / 2);
  const before = sentences.slice(0, -1).join('; ').replaceAll('\n', ' ');
  const message =
    before === '' ? last : `${quoted(before, maxMessage / 2)}. ${last.charAt(0).toUpperCase()}${last.slice(1)}`;
  return { type, status, reason, message };
}

export const isInForce = condition('Ready', 'True', 'InForce', 'it is in force as it is written');
export const notYet = condition(
  'Ready',
  'False',
  'NothingInForce',
  'another policy cannot be read; until that is repaired nothing is in force and every request is refused: look for reason Invalid',
);

/**
 * policy-controller judges by copies in a ConfigMap, and this says that the copy is up to date. Here there is no copy: it says
 * whether requests are judged by what is written now, for whoever waits for it.
 */
export const judgedBy = condition('ConfigMapUpdated', 'True', 'InForce', 'requests are judged by what is written here');

export function notJudgedBy(reason: string, instead: string): Condition {
  return condition('ConfigMapUpdated', 'False', reason, instead);
}
