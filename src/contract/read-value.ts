/** Whether a JSON value is what an input of a contract takes. Values come from whoever starts an action: nothing is trusted. */
import { quoted } from '../kernel/failure.ts';
import { stableJson } from '../kernel/stable-json.ts';
import { durationText, millisOf, parseDuration } from './duration.ts';
import type { InputSpec, ValueType } from './model.ts';

/** Texts longer than this are not held against a pattern: time to match is text × pattern. */
export const maxPatternText = 2048;

/** Everything wrong with the value, one sentence each. */
export function valueProblems(spec: Omit<InputSpec, 'name' | 'description'>, value: unknown): readonly string[] {
  const mistyped = typeProblem(spec.type, value);
  if (mistyped !== undefined) return [mistyped];
  const problems = [enumProblem(spec, value), lengthProblem(spec, value), patternProblem(spec, value)];
  return [...problems, ...rangeProblems(spec, value)].filter((problem) => problem !== undefined);
}

const expected: Readonly<Record<ValueType, string>> = {
  string: 'a string',
  integer: 'an integer',
  number: 'a number',
  boolean: 'true or false',
  duration: 'a duration such as "1m30s"',
  object: 'an object',
  array: 'a list',
};

export function typeProblem(type: ValueType, value: unknown): string | undefined {
  if (!isOfType(type, value)) return `expected ${expected[type]}, got ${shown(value)}`;
  // RFC 7493 §2.2: what is beyond reaches the action as another number.
  return holdsInexact(value) ? 'holds a number that JSON cannot carry exactly; pass it as a string' : undefined;
}

function isOfType(type: ValueType, value: unknown): boolean {
  switch (type) {
    case 'string':
      return typeof value === 'string';
    case 'integer':
      return Number.isInteger(value);
    case 'number':
      return typeof value === 'number';
    case 'boolean':
      return typeof value === 'boolean';
    case 'duration':
      return typeof value === 'string' && parseDuration(value) !== undefined;
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'array':
      return Array.isArray(value);
  }
}

/** Nesting is limited where the text was parsed. */
function holdsInexact(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER;
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsInexact);
}

function enumProblem(spec: Pick<InputSpec, 'enum'>, value: unknown): string | undefined {
  if (spec.enum === undefined) return undefined;
  const text = stableJson(value);
  if (spec.enum.some((allowed) => stableJson(allowed) === text)) return undefined;
  return `expected one of ${quoted(spec.enum.map((allowed) => JSON.stringify(allowed)).join(', '), 200)}, got ${shown(value)}`;
}

function lengthProblem({ maxLength }: Pick<InputSpec, 'maxLength'>, value: unknown): string | undefined {
  if (maxLength === undefined) return undefined;
  // A person counts characters, not the halves that JavaScript makes of some.
  const length = typeof value === 'string' ? Array.from(value).length : Array.isArray(value) ? value.length : 0;
  const unit = typeof value === 'string' ? 'characters' : 'items';
  return length > maxLength ? `has ${length} ${unit}, at most ${maxLength} are allowed` : undefined;
}

function patternProblem({ pattern }: Pick<InputSpec, 'pattern'>, value: unknown): string | undefined {
  if (pattern === undefined || typeof value !== 'string') return undefined;
  if (value.length > maxPatternText) return `is longer than ${maxPatternText} characters`;
  return pattern.matches(value) ? undefined : `${shown(value)} does not match ${quoted(pattern.source, 200)}`;
}

function rangeProblems(
  { type, minimum, maximum }: Pick<InputSpec, 'type' | 'minimum' | 'maximum'>,
  value: unknown,
): readonly string[] {
  const size = type === 'duration' ? millisOf(parseDuration(String(value)) ?? 0n) : Number(value);
  const limit = (bound: number): string => (type === 'duration' ? durationText(bound) : String(bound));
  const problems: string[] = [];
  if (minimum !== undefined && size < minimum) problems.push(`${shown(value)} is less than ${limit(minimum)}`);
  if (maximum !== undefined && size > maximum) problems.push(`${shown(value)} is more than ${limit(maximum)}`);
  return problems;
}

/** The value for a sentence: scalars as written, the rest by kind. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return quoted(typeof value === 'string' ? JSON.stringify(value) : String(value), 100);
}
