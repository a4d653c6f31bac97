/** Action records and assessments, to JSON and from it. */
import { fail, ok, type Result } from '../../kernel/result.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { ActionAssessment, ActionChange, ActionRecord } from '../../ports/action-history.ts';
import {
  actionFields,
  assessmentFields,
  clipped,
  printFields,
  readFields,
  stepFields,
  workflowFields,
} from './fields.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

export function printAction(action: ActionRecord): JsonObject {
  return printFields(actionFields, action);
}

export function parseAction(value: unknown, where?: string): Result<ActionRecord, string> {
  const read = readFields(actionFields, value, where);
  // The table has each member of the type with its kind.
  return read.ok ? ok(read.value as unknown as ActionRecord) : read;
}

/** As it can be read again: texts that are too long are cut; what makes no sense is a sentence about it. */
export function boundAction(action: ActionRecord): Result<ActionRecord, string> {
  return parseAction(clipped(actionFields, printAction(action)));
}

export function printAssessment(assessment: ActionAssessment): JsonObject {
  return printFields(assessmentFields, assessment);
}

export function parseAssessment(value: unknown, now: Date): Result<ActionAssessment, string> {
  const read = readFields(assessmentFields, value);
  if (!read.ok) return read;
  // The table has each member of the type with its kind; what may be left out is filled in.
  return ok({ step: '', assessedAt: now.toISOString(), ...read.value } as unknown as ActionAssessment);
}

const mostSteps = 500;

/** What all steps have in common, and `actions`. */
export function parseWorkflowActions(value: unknown): Result<readonly ActionRecord[], string> {
  const { actions, ...common } = asRecord(value) ?? {};
  const shared = readFields(workflowFields, asRecord(value) && common);
  if (!shared.ok) return shared;
  if (!Array.isArray(actions) || actions.length === 0) return fail('actions: it is not a list of at least one action');
  if (actions.length > mostSteps) return fail(`actions: it has more than ${mostSteps} entries`);
  const read: ActionRecord[] = [];
  for (const [index, action] of actions.entries()) {
    const own = readFields(stepFields, action, `actions[${index}].`);
    if (!own.ok) return own;
    // As in parseAction.
    read.push({ ...shared.value, ...own.value } as unknown as ActionRecord);
  }
  const twice = read.find(({ step }, index) => read.some((other, at) => at < index && other.step === step));
  return twice === undefined ? ok(read) : fail(`actions: step ${twice.step} occurs twice`);
}

export function printChange(change: ActionChange): JsonObject {
  const { change: number } = change;
  return change.kind === 'action'
    ? { change: number, action: printAction(change.action) }
    : { change: number, assessment: printAssessment(change.assessment) };
}

export function parseChange(value: unknown): ActionChange | undefined {
  const { change, action, assessment } = asRecord(value) ?? {};
  if (typeof change !== 'number' || !Number.isSafeInteger(change) || change < 1) return undefined;
  if (action !== undefined) {
    const read = parseAction(action);
    return read.ok ? { change, kind: 'action', action: read.value } : undefined;
  }
  const { assessed_at: at } = asRecord(assessment) ?? {};
  const read = typeof at === 'string' ? parseAssessment(assessment, new Date(0)) : undefined;
  return read?.ok === true ? { change, kind: 'assessment', assessment: read.value } : undefined;
}
