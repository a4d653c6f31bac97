/**
 * Action records and assessments as JSON, for the API, the stores, the outbox and copies: one table says which members
 * there are, and reading, writing and the OpenAPI document follow it. Names are those of the Data Storage API.
 */
import { quoted } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { ActionAssessment, ActionRecord } from '../../ports/action-history.ts';

export type FieldKind =
  | { readonly kind: 'text'; readonly longest: number; readonly mayBeEmpty?: boolean }
  | { readonly kind: 'word'; readonly words: readonly string[] }
  | { readonly kind: 'time' }
  | { readonly kind: 'count' }
  | { readonly kind: 'integer' }
  | { readonly kind: 'share' }
  | { readonly kind: 'texts'; readonly most: number; readonly longest: number }
  | { readonly kind: 'object' };

export interface Field<Member extends string = string> {
  /** In TypeScript. */
  readonly member: Member;
  readonly type: FieldKind;
  readonly isRequired: boolean;
  /** For the OpenAPI document. */
  readonly description: string;
}

/** By name in JSON. */
export type Fields<Member extends string = string> = Readonly<Record<string, Field<Member>>>;

export const statuses = ['executing', 'completed', 'failed', 'skipped', 'cancelled'] as const;
export const engines = ['job', 'tekton'] as const;

const text = (longest: number): FieldKind => ({ kind: 'text', longest });
const maybeEmpty = (longest: number): FieldKind => ({ kind: 'text', longest, mayBeEmpty: true });

/** What all steps of a workflow have in common. */
export const workflowFields = {
  workflow_uid: field('workflowUid', text(128), true, 'UID of the WorkflowExecution.'),
  workflow_id: field('workflowId', text(253), true, 'Name of the WorkflowExecution.'),
  namespace: field('namespace', text(63), true, 'Its namespace.'),
  workflow_type: field('workflowType', text(253), false, 'Its workflowType.'),
  reason: field('reason', text(4_096), false, 'Why it was started.'),
  engine: field('engine', { kind: 'word', words: engines }, true, 'What ran it.'),
} as const satisfies Fields<keyof ActionRecord>;

export const stepFields = {
  step: field('step', text(253), true, 'Name of the step, unique in its workflow.'),
  action_type: field('actionType', maybeEmpty(256), true, 'Empty: only the image says what it does.'),
  image: field('image', maybeEmpty(1_024), true, 'By digest once that is known.'),
  inputs: field('inputs', { kind: 'object' }, true, 'What the action was given.'),
  status: field('status', { kind: 'word', words: statuses }, true, 'All but "executing" are final.'),
  executed_at: field('executedAt', { kind: 'time' }, true, 'When it began.'),
  completed_at: field('completedAt', { kind: 'time' }, false, 'When it ended.'),
  duration_ms: field('durationMs', { kind: 'count' }, false, 'How long it ran, in milliseconds.'),
  outputs: field('outputs', { kind: 'object' }, false, 'What the action gave.'),
  signers: field('signers', { kind: 'texts', most: 64, longest: 4_096 }, false, 'Who had signed the image.'),
  contract: field('contract', text(1_024), false, 'Its contract, name@version.'),
  attempts: field('attempts', { kind: 'count' }, false, 'How often it was tried.'),
  failure_reason: field('failureReason', text(256), false, 'Why it failed, in a word.'),
  failure_message: field('failureMessage', maybeEmpty(65_536), false, 'Why it failed, in a sentence.'),
  exit_code: field('exitCode', { kind: 'integer' }, false, 'Of its container.'),
} as const satisfies Fields<keyof ActionRecord>;

export const actionFields: Fields<keyof ActionRecord> = { ...workflowFields, ...stepFields };

export const assessmentFields = {
  workflow_uid: field('workflowUid', text(128), true, 'UID of the WorkflowExecution.'),
  step: field('step', maybeEmpty(253), false, 'Absent: the workflow as a whole.'),
  action_type: field('actionType', text(256), true, 'Action type that is assessed.'),
  assessor: field('assessor', text(256), true, 'Who or what assesses; may do so again, and then replaces it.'),
  score: field('score', { kind: 'share' }, true, 'From 0, of no use, to 1.'),
  assessed_at: field('assessedAt', { kind: 'time' }, false, 'Absent: now.'),
  comment: field('comment', maybeEmpty(4_096), false, 'For people.'),
} as const satisfies Fields<keyof ActionAssessment>;

function field<M extends string>(member: M, type: FieldKind, isRequired: boolean, description: string): Field<M> {
  return { member, type, isRequired, description };
}

/** Members of TypeScript from an object of JSON; the failure names the field. `where` goes before names. */
export function readFields(
  fields: Fields,
  value: unknown,
  where = '',
): Result<Readonly<Record<string, unknown>>, string> {
  const given = asRecord(value);
  if (given === undefined) return fail(`${where === '' ? 'the body' : where.slice(0, -1)}: it is not an object`);
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(fields, name));
  if (unknown !== undefined)
    return fail(`${where}${quoted(unknown, 64)}: there is no such field; they are ${Object.keys(fields).join(', ')}`);
  const read: Record<string, unknown> = {};
  for (const [name, { member, type, isRequired }] of Object.entries(fields)) {
    const problem = given[name] === undefined ? missing(isRequired) : problemOf(type, given[name]);
    if (problem !== undefined) return fail(`${where}${name}: ${problem}`);
    if (given[name] !== undefined) read[member] = given[name];
  }
  return ok(read);
}

function missing(isRequired: boolean): string | undefined {
  return isRequired ? 'it is missing' : undefined;
}

export function printFields(fields: Fields, members: object): Readonly<Record<string, unknown>> {
  const known = new Map<string, unknown>(Object.entries(members));
  const printed = Object.entries(fields).map(([name, { member }]) => [name, known.get(member)] as const);
  return Object.fromEntries(printed.filter(([, value]) => value !== undefined));
}

/** Texts cut to what may be read again. */
export function clipped(fields: Fields, value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const entries = Object.entries(value).map(([name, item]) => [name, clip(fields[name]?.type, item)] as const);
  return Object.fromEntries(entries);
}

function clip(type: FieldKind | undefined, value: unknown): unknown {
  if (type?.kind === 'text' && typeof value === 'string') return value.slice(0, type.longest);
  if (type?.kind !== 'texts' || !Array.isArray(value)) return value;
  return value
    .slice(0, type.most)
    .map((item: unknown) => (typeof item === 'string' ? item.slice(0, type.longest) : item));
}

function problemOf(type: FieldKind, value: unknown): string | undefined {
  if (type.kind === 'text') return problemOfText(type, value);
  if (type.kind === 'texts') return problemOfTexts(type, value);
  if (type.kind === 'word') return type.words.some((word) => word === value) ? undefined : noneOf(type.words);
  const { fits, problem } = simple[type.kind];
  return fits(value) ? undefined : problem;
}

function noneOf(words: readonly string[]): string {
  return `it is none of ${words.join(', ')}`;
}

type SimpleKind = Exclude<FieldKind['kind'], 'text' | 'texts' | 'word'>;
const simple: Readonly<Record<SimpleKind, { readonly fits: (value: unknown) => boolean; readonly problem: string }>> = {
  time: { fits: isTime, problem: 'it is not a time such as 2030-01-31T12:00:00Z' },
  count: { fits: (value) => isInteger(value) && value >= 0, problem: 'it is not a whole number from 0 on' },
  integer: { fits: isInteger, problem: 'it is not a whole number' },
  share: {
    fits: (value) => typeof value === 'number' && value >= 0 && value <= 1,
    problem: 'it is not a number from 0 to 1',
  },
  object: { fits: (value) => asRecord(value) !== undefined, problem: 'it is not an object' },
};

function problemOfText({ longest, mayBeEmpty }: FieldKind & { kind: 'text' }, value: unknown): string | undefined {
  if (typeof value !== 'string') return 'it is not text';
  if (value === '' && mayBeEmpty !== true) return 'it is empty';
  return value.length > longest ? `it is longer than ${longest} characters` : undefined;
}

function problemOfTexts({ most, longest }: FieldKind & { kind: 'texts' }, value: unknown): string | undefined {
  if (!Array.isArray(value)) return 'it is not a list of texts';
  if (value.length > most) return `it has more than ${most} entries`;
  return value
    .map((item: unknown) => problemOfText({ kind: 'text', longest }, item))
    .find((found) => found !== undefined);
}

/** RFC 3339 §5.6 */
export function isTime(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > 40) return false;
  return (
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(value) && !Number.isNaN(Date.parse(value))
  );
}

function isInteger(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value);
}
