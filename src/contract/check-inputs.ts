/**
 * The inputs of one run, a JSON object in a text, held against the contract: defaults are filled in, and everything that
 * is wrong is told at once. The text is data of whoever starts the run. It is what the action will see: whoever calls has
 * undone the `$$` that the kubelet undoes, and refused its `$(…)`.
 */
import { quoted } from '../kernel/failure.ts';
import { asRecord, parseStrictJson } from '../kernel/strict-json.ts';
import type { ActionContract, InputSpec } from './model.ts';
import { valueProblems } from './read-value.ts';

export interface InputProblem {
  /** The input; empty: all of them together. */
  readonly path: string;
  /** What is wrong, and the way out. */
  readonly message: string;
}

export interface CheckedInputs {
  /** In the order of the contract, so that the same inputs give the same text. Incomplete where there are problems. */
  readonly filled: Readonly<Record<string, unknown>>;
  readonly problems: readonly InputProblem[];
}

/** Linux hands a program no longer text: MAX_ARG_STRLEN with "ACTION_INPUTS=" before it and a zero behind it. */
const maxBytes = 131_072 - 'ACTION_INPUTS='.length - 1;
const maxDepth = 32;
const maxProblems = 50;

/** `text` undefined or empty: no inputs, the same as `{}`. */
export function checkInputs(contract: ActionContract, text: string | undefined): CheckedInputs {
  const given = readObject(text);
  if (typeof given === 'string') return { filled: {}, problems: [{ path: '', message: given }] };
  const filled = fill(contract, given);
  const problems = [
    ...contract.inputs.flatMap((spec) => problemsOf(spec, filled)),
    ...contract.targetInputs.flatMap((name) => targetProblems(name, filled)),
    ...unknownNames(contract, given),
  ];
  if (problems.length === 0 && isTooLarge(JSON.stringify(filled)))
    return { filled, problems: [{ path: '', message: `with defaults filled in, ${tooLarge}` }] };
  return { filled, problems: bounded(problems) };
}

const tooLarge = `larger than the ${maxBytes} bytes that fit into an environment variable`;

function isTooLarge(text: string): boolean {
  return text.length > maxBytes || Buffer.byteLength(text) > maxBytes;
}

function readObject(text: string | undefined): Readonly<Record<string, unknown>> | string {
  if (text === undefined || text === '') return {};
  if (isTooLarge(text)) return tooLarge;
  const parsed = parseStrictJson(text, maxDepth);
  if (!parsed.ok) return `${parsed.problem}; write one JSON object, such as {"name":"value"}`;
  return asRecord(parsed.value) ?? 'expected one JSON object, such as {"name":"value"}';
}

function fill(contract: ActionContract, given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const entries = contract.inputs.map(
    (spec) => [spec.name, Object.hasOwn(given, spec.name) ? given[spec.name] : spec.default] as const,
  );
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** Not what every object inherits, such as "constructor". Null stays null, and is of no type. */
function ownValue(record: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function problemsOf(spec: InputSpec, filled: Readonly<Record<string, unknown>>): readonly InputProblem[] {
  const value = ownValue(filled, spec.name);
  if (value !== undefined) return valueProblems(spec, value).map((message) => ({ path: spec.name, message }));
  return spec.required
    ? [{ path: spec.name, message: `is required and missing; it takes a value of type ${spec.type}` }]
    : [];
}

// RFC 1123: what is no single name could pass an allowlist that looks at its beginning.
const namespace = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

function targetProblems(name: string, filled: Readonly<Record<string, unknown>>): readonly InputProblem[] {
  const value = ownValue(filled, name);
  const isList = Array.isArray(value);
  const items: readonly unknown[] = isList ? value : typeof value === 'string' ? [value] : [];
  return items.flatMap((item, index) => {
    if (typeof item === 'string' && namespace.test(item)) return [];
    const shown = quoted(JSON.stringify(item) ?? '', 100);
    return [{ path: isList ? `${name}[${index}]` : name, message: `${shown} is no name of a namespace` }];
  });
}

function unknownNames(contract: ActionContract, given: Readonly<Record<string, unknown>>): readonly InputProblem[] {
  const known = new Set(contract.inputs.map(({ name }) => name));
  const way = known.size === 0 ? 'the action takes none' : `known are ${quoted([...known].join(', '), 500)}`;
  return Object.keys(given)
    .filter((name) => !known.has(name))
    .map((name) => ({ path: quoted(name, 64), message: `there is no such input; ${way}` }));
}

function bounded(problems: readonly InputProblem[]): readonly InputProblem[] {
  if (problems.length <= maxProblems) return problems;
  const left = problems.length - maxProblems;
  return [...problems.slice(0, maxProblems), { path: '', message: `and ${left} more problems` }];
}
