/**
 * The inputs of an action: one environment variable with a JSON object. They are data of whoever starts the run, so they
 * are checked in full and never overridden; only defaults are filled in.
 */
import { quoted } from '../kernel/failure.ts';
import type { Glob } from '../kernel/glob.ts';
import { coversNames } from '../kernel/name-glob.ts';
import { asRecord, parseStrictJson } from '../kernel/strict-json.ts';
import type { ActionRules } from '../policy/action-policy.ts';
import { checkInputs } from './check-inputs.ts';
import type { Conflict, Settled } from './conflict.ts';
import type { ActionContract } from './model.ts';

export const inputsVariable = 'ACTION_INPUTS';
const targetsVariable = 'ACTION_ALLOWED_NAMESPACES';

/** Every list must have a match. */
export type Allowlists = readonly (readonly Glob[])[];

export interface InputsDemand {
  /** Absent: the image has none, so that nothing is known of its inputs. */
  readonly contract?: ActionContract;
  readonly rules: Pick<ActionRules, 'policies' | 'targets'>;
}

/** The environment of a container with its inputs completed and the allowlist of targets told. */
export function bindInputs(
  { contract, rules }: InputsDemand,
  container: Readonly<Record<string, unknown>>,
  field: string,
): Settled<readonly unknown[]> {
  const env: readonly unknown[] = Array.isArray(container['env']) ? container['env'] : [];
  const lists = contract?.target === undefined ? rules.targets : [...rules.targets, contract.target];
  // What a ConfigMap brings in is not to be seen here, but `env` stands above it.
  const isOpen = Array.isArray(container['envFrom']) && container['envFrom'].length > 0;
  const inputs =
    contract === undefined
      ? { value: env, conflicts: [] }
      : completeInputs({ contract, lists, owners: ownersOf({ contract, rules }), isOpen }, env, field);
  const allowed = allowedTargets(lists);
  const told = allowed === undefined ? inputs.value : withVariable(inputs.value, targetsVariable, allowed.join(','));
  return { value: told, conflicts: inputs.conflicts };
}

interface Wanted {
  readonly contract: ActionContract;
  readonly lists: Allowlists;
  readonly owners: string;
  readonly isOpen: boolean;
}

/** Whose allowlists these are. */
function ownersOf({ contract, rules }: InputsDemand): string {
  const own = contract?.target === undefined ? [] : [`the contract of ${contract.name}`];
  return [...(rules.targets.length === 0 ? [] : rules.policies), ...own].join(', ');
}

function completeInputs(wanted: Wanted, env: readonly unknown[], field: string): Settled<readonly unknown[]> {
  const { contract, isOpen } = wanted;
  const found = env.flatMap((entry, index) => (asRecord(entry)?.['name'] === inputsVariable ? [index] : []));
  const [at] = found;
  const place = at === undefined ? field : `${field}[${at}].value`;
  if (found.length > 1) return { value: env, conflicts: [invalid(field, `${inputsVariable} is there more than once`)] };
  if (at === undefined && contract.inputs.length === 0 && !isOpen) return { value: env, conflicts: [] };
  const given = readLiteral(at === undefined ? undefined : env[at]);
  if (!given.literal) {
    const message = `${inputsVariable} has to be a literal value; what is looked up elsewhere cannot be checked`;
    return { value: env, conflicts: [invalid(`${field}[${at}]`, message)] };
  }
  const { filled, problems } = checkInputs(contract, given.text);
  const conflicts = [
    ...problems.map(({ path, message }) => invalid(place, path === '' ? message : `${path}: ${message}`)),
    ...forbiddenTargets(wanted, filled, place),
  ];
  if (conflicts.length > 0 || isComplete(given.text, filled)) return { value: env, conflicts };
  return { value: withVariable(env, inputsVariable, escaped(JSON.stringify(filled))), conflicts };
}

/** What needs no default stays as it was written, down to its white space. */
function isComplete(text: string | undefined, filled: Readonly<Record<string, unknown>>): boolean {
  const parsed = text === undefined ? undefined : parseStrictJson(text);
  const given = asRecord(parsed?.ok === true ? parsed.value : undefined);
  return given !== undefined && Object.keys(given).length === Object.keys(filled).length;
}

/** The text, undefined when there is none; or not literal: what the kubelet would look up or expand. */
type Literal = { readonly literal: true; readonly text: string | undefined } | { readonly literal: false };

function readLiteral(entry: unknown): Literal {
  const { value, valueFrom } = asRecord(entry) ?? {};
  if (valueFrom !== undefined && valueFrom !== null) return { literal: false };
  if (value === undefined || value === null) return { literal: true, text: undefined };
  if (typeof value !== 'string') return { literal: false };
  // "$$" stands for "$"; a "$(" that is left refers to another variable. core/v1 EnvVar
  // A "$" before what is not ASCII is mangled. kubernetes third_party/forked/golang/expansion
  const parts = value.split('$$');
  const isMore = parts.some((part) => /\$(?:\(|\P{ASCII})/u.test(part));
  return isMore ? { literal: false } : { literal: true, text: parts.join('$') };
}

function escaped(text: string): string {
  return text.replaceAll('$', '$$$$');
}

function forbiddenTargets(
  { contract, lists, owners }: Wanted,
  filled: Readonly<Record<string, unknown>>,
  field: string,
): readonly Conflict[] {
  return contract.targetInputs.flatMap((name) => {
    const named = namespacesIn(filled[name]).filter((namespace) => !isAllowed(lists, namespace));
    return named.map((namespace): Conflict => ({
      code: 'TARGET_NOT_ALLOWED',
      field,
      message: `input ${name}: namespace ${quoted(namespace, 64)} is not in the allowlist of ${owners}`,
    }));
  });
}

function namespacesIn(value: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((one): one is string => typeof one === 'string');
}

export function isAllowed(lists: Allowlists, namespace: string): boolean {
  return lists.every((list) => list.some((glob) => glob.matches(namespace)));
}

/**
 * One list for the action itself, for what it decides while it runs. An intersection of patterns is no list of patterns
 * in general: one stays when every list covers it. What is left out makes the list stricter than the gate, never looser.
 * Undefined: there is no list, and no limit.
 */
export function allowedTargets(lists: Allowlists): readonly string[] | undefined {
  if (lists.length === 0) return undefined;
  const isCovered = (glob: Glob): boolean => lists.every((list) => list.some((wide) => coversNames(wide, glob)));
  const covered = lists.flat().filter(isCovered);
  return [...new Set(covered.map(({ source }) => source))].sort();
}

function withVariable(env: readonly unknown[], name: string, value: string): readonly unknown[] {
  const isIt = (entry: unknown): boolean => asRecord(entry)?.['name'] === name;
  const at = env.findIndex(isIt);
  const others = env.filter((entry) => !isIt(entry));
  // The API server leaves an empty value out. core/v1 EnvVar
  return others.toSpliced(at === -1 ? others.length : at, 0, value === '' ? { name } : { name, value });
}

function invalid(field: string, message: string): Conflict {
  return { code: 'INPUT_INVALID', field, message };
}
