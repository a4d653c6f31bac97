/** spec.inputs and spec.outputs of a contract. */
import { defined } from '../kernel/defined.ts';
import { compilePattern, type Pattern } from '../kernel/pattern.ts';
import type { FieldErrors } from '../policy/field-errors.ts';
import type { Fields } from '../policy/fields.ts';
import { millisOf, parseDuration } from './duration.ts';
import { valueTypes, type InputSpec, type OutputSpec, type ValueType } from './model.ts';
import { maxPatternText, typeProblem, valueProblems } from './read-value.ts';
import { readDescription } from './texts.ts';

const maxInputs = 256;
const maxAllowedValues = 1000;
/** Longer than the pattern of a semantic version; what RE2 unfolds while it compiles grows with it. */
const maxPatternSource = 400;
/** Of all patterns of a contract, so that checking inputs stays a matter of milliseconds. */
const maxPatternSize = 4000;

const name = /^[A-Za-z_][A-Za-z0-9_.-]{0,62}$/;

export function readInputs(spec: Fields, errors: FieldErrors): readonly InputSpec[] {
  const patterns = new PatternBudget(errors);
  return named(spec, 'inputs', errors, (entry, type) => readInput(entry, type, patterns, errors));
}

export function readOutputs(spec: Fields, errors: FieldErrors): readonly OutputSpec[] {
  return named(spec, 'outputs', errors, (entry, type) => ({
    name: entry.text('name') ?? '',
    type,
    description: readDescription(entry, errors),
  }));
}

function named<T extends { readonly name: string }>(
  spec: Fields,
  list: 'inputs' | 'outputs',
  errors: FieldErrors,
  read: (entry: Fields, type: ValueType) => T,
): readonly T[] {
  if (isTooLong(spec, list, maxInputs, errors)) return [];
  const seen = new Set<string>();
  return spec.objects(list, (entry) => {
    const item = read(entry, readType(entry, errors));
    const isText = typeof entry.raw('name') === 'string';
    if (!entry.has('name')) errors.missing(entry.at('name'));
    else if (isText && !name.test(item.name))
      errors.invalid(item.name, entry.at('name'), 'expected letters, digits, "_", "-", "."');
    else if (isText && seen.has(item.name)) errors.add('names must be unique', entry.at('name'));
    seen.add(item.name);
    return item;
  });
}

/** Of a list that is too long, the items are not even looked at. */
function isTooLong(fields: Fields, list: string, most: number, errors: FieldErrors): boolean {
  if (fields.list(list, () => undefined).length <= most) return false;
  errors.add(`more than ${most} items`, fields.at(list));
  return true;
}

function readType(entry: Fields, errors: FieldErrors): ValueType {
  const written = entry.text('type');
  const type = valueTypes.find((candidate) => candidate === written);
  if (!entry.has('type')) errors.missing(entry.at('type'));
  else if (type === undefined && written !== undefined)
    errors.invalid(written, entry.at('type'), `expected ${valueTypes.join(', ')}`);
  return type ?? 'string';
}

function readInput(entry: Fields, type: ValueType, patterns: PatternBudget, errors: FieldErrors): InputSpec {
  const rules = {
    ...defined('enum', readEnum(entry, type, errors)),
    ...defined('pattern', patterns.read(entry, type)),
    ...defined('minimum', readBound(entry, 'minimum', type, errors)),
    ...defined('maximum', readBound(entry, 'maximum', type, errors)),
    ...defined('maxLength', readMaxLength(entry, type, errors)),
  };
  if (rules.minimum !== undefined && rules.maximum !== undefined && rules.minimum > rules.maximum)
    errors.add('minimum is more than maximum', entry.at('minimum'));
  if (rules.pattern !== undefined && (rules.maxLength ?? 0) > maxPatternText)
    errors.add(`with a pattern, at most ${maxPatternText} characters`, entry.at('maxLength'));
  const input = {
    name: entry.text('name') ?? '',
    type,
    required: entry.flag('required') ?? false,
    description: readDescription(entry, errors),
    ...rules,
    ...defined('default', entry.raw('default')),
  };
  checkDefault(input, entry.at('default'), errors);
  return input;
}

function checkDefault(input: InputSpec, path: string, errors: FieldErrors): void {
  if (input.default === undefined) return;
  for (const problem of valueProblems(input, input.default)) errors.add('invalid default', path, problem);
  if (input.required)
    errors.add('a required input has no default', path, 'leave the default out, or say required: false');
}

function readEnum(entry: Fields, type: ValueType, errors: FieldErrors): readonly unknown[] | undefined {
  const isGiven = entry.has('enum');
  if (isGiven && isTooLong(entry, 'enum', maxAllowedValues, errors)) return undefined;
  const values = entry.list('enum', (value, path) => {
    const problem = typeProblem(type, value);
    if (problem !== undefined) errors.add(problem, path);
    return value;
  });
  if (Array.isArray(entry.raw('enum')) && values.length === 0)
    errors.add('an empty list allows nothing', entry.at('enum'));
  return isGiven ? values : undefined;
}

/** Durations are bounded by durations: a bare number would leave the unit open. */
function readBound(
  entry: Fields,
  member: 'minimum' | 'maximum',
  type: ValueType,
  errors: FieldErrors,
): number | undefined {
  const value = entry.raw(member);
  if (value === undefined) return undefined;
  if (type !== 'integer' && type !== 'number' && type !== 'duration') {
    errors.add(`only integer, number and duration have a ${member}`, entry.at(member));
    return undefined;
  }
  const problem = typeProblem(type === 'integer' ? 'number' : type, value);
  if (problem !== undefined) errors.add(problem, entry.at(member));
  return typeof value === 'string' ? millisOf(parseDuration(value) ?? 0n) : Number(value);
}

function readMaxLength(entry: Fields, type: ValueType, errors: FieldErrors): number | undefined {
  const value = entry.raw('maxLength');
  if (value === undefined) return undefined;
  if (type !== 'string' && type !== 'array') {
    errors.add('only string and array have a maxLength', entry.at('maxLength'));
  } else if (!Number.isSafeInteger(value) || Number(value) < 0) {
    errors.invalid(value, entry.at('maxLength'), 'expected an integer that is not negative');
  }
  return Number(value);
}

/** Patterns of one contract; what they cost together is limited. */
class PatternBudget {
  private left = maxPatternSize;
  private readonly errors: FieldErrors;

  constructor(errors: FieldErrors) {
    this.errors = errors;
  }

  read(entry: Fields, type: ValueType): Pattern | undefined {
    const source = entry.text('pattern');
    if (source === undefined) return undefined;
    const problem = type === 'string' ? undefined : 'only string has a pattern';
    const compiled = problem === undefined ? this.compile(source) : problem;
    if (typeof compiled !== 'string') return compiled;
    this.errors.add(compiled, entry.at('pattern'));
    return undefined;
  }

  private compile(source: string): Pattern | string {
    if (source.length > maxPatternSource) return `the pattern is longer than ${maxPatternSource} characters`;
    // Once they are too much, the rest is not even compiled.
    if (this.left >= 0) {
      const compiled = compilePattern(source);
      if (!compiled.ok) return compiled.problem;
      this.left -= compiled.value.size;
      if (this.left >= 0) return compiled.value;
    }
    return 'the patterns of this contract repeat too much; use maxLength instead of large counts';
  }
}
