/**
 * The action registry: which image stands for an action type, so that steps need not name one. It is the data of the
 * ConfigMap kubernaut-action-registry, whose keys cannot hold "/": one document under registry.yaml or actions.yaml, or an
 * entry under its action type with "." or "__" instead. A wrong entry is a problem of that action alone.
 */
import { quoted } from '../kernel/failure.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { asRecord } from '../kernel/strict-json.ts';
import { parseStrictYaml } from '../kernel/strict-yaml.ts';
import { actionType, image } from './action-fields.ts';
import { Members, Problems, shown } from './fields.ts';
import { names, type ActionRegistry, type RegisteredAction, type WorkflowProblem, type WorkflowStep } from './model.ts';

const documents: ReadonlySet<string> = new Set(['registry.yaml', 'registry.yml', 'actions.yaml', 'actions.yml']);
/** All of a ConfigMap. */
const limits = { characters: 1024 * 1024, documents: 1, aliases: 0, depth: 10 };
/** The one place where a contract is looked for. */
const contractPath = '/action-contract.yaml';

interface Entry {
  readonly name: string;
  /** Still to be read; a string: why it cannot be. */
  readonly value: Result<unknown, string>;
}

export function parseRegistry(data: unknown): ActionRegistry {
  const actions = new Map<string, RegisteredAction>();
  const problems = new Map<string, string>();
  const entries = Object.entries(asRecord(data) ?? {}).flatMap(([key, text]) => entriesUnder(key, text));
  for (const { name, value } of entries) {
    const action = value.ok ? readAction(name, value.value) : fail(value.failure);
    if (actions.has(name)) problems.set(name, `${quoted(name)}: is registered twice; remove one of its entries`);
    else if (action.ok) actions.set(name, action.value);
    else if (!problems.has(name)) problems.set(name, action.failure);
  }
  // One that has a problem is not there, even where another entry would do: nobody can tell which was meant.
  for (const name of problems.keys()) actions.delete(name);
  return { actions, problems };
}

function entriesUnder(key: string, text: unknown): readonly Entry[] {
  const isDocument = documents.has(key);
  const parsed = typeof text === 'string' ? parsedYaml(text) : fail(`is ${shown(text)}; write YAML as text`);
  if (!parsed.ok)
    return [{ name: isDocument ? key : typeOfKey(key), value: fail(`${quoted(key)}: ${parsed.failure}`) }];
  if (isDocument) return entriesOfDocument(key, parsed.value);
  return [{ name: typeOf(parsed.value) ?? typeOfKey(key), value: parsed }];
}

function parsedYaml(text: string): Result<unknown, string> {
  const stream = parseStrictYaml(text, limits);
  if (!stream.ok) return fail(`is no YAML that can be read: ${stream.problem}`);
  const document = stream.documents[0];
  if (document === undefined) return ok({});
  return document.ok ? ok(document.value) : fail(`is no YAML that can be read: ${document.problem}`);
}

/** A mapping by action type, or a list whose items say theirs; either may stand under `actions`. */
function entriesOfDocument(key: string, value: unknown): readonly Entry[] {
  const record = asRecord(value);
  const inner = record !== undefined && Object.hasOwn(record, 'actions') ? record['actions'] : value;
  if (inner === null) return [];
  if (Array.isArray(inner)) {
    return inner.map((item: unknown, index) => ({ name: typeOf(item) ?? `${key}[${index}]`, value: ok(item) }));
  }
  const mapping = asRecord(inner);
  if (mapping === undefined) return [{ name: key, value: fail(`${key}: is ${shown(inner)}; write a mapping`) }];
  return Object.entries(mapping).map(([name, item]) => ({ name, value: ok(item) }));
}

function typeOf(item: unknown): string | undefined {
  const type = asRecord(item)?.['actionType'];
  return typeof type === 'string' ? type : undefined;
}

function typeOfKey(key: string): string {
  return key.includes('__') ? key.replaceAll('__', '/') : key.replaceAll('.', '/');
}

function readAction(name: string, value: unknown): Result<RegisteredAction, string> {
  const problems = new Problems();
  const entry = new Members(value, quoted(name), problems);
  if (!fits(name)) problems.add(quoted(name), `is no action type; write ${actionType.expected}`);
  const written = entry.text('image', image);
  if ((entry.raw('image') ?? '') === '') entry.complain('image', 'is missing; name the image by digest');
  for (const [member, only] of [
    ['contract', contractPath],
    ['verification', 'strict'],
  ] as const) {
    const given = entry.raw(member) ?? only;
    if (given !== only) entry.complain(member, `is ${shown(given)}; write ${only}, or leave it out`);
  }
  const type = entry.raw('actionType') ?? name;
  if (type !== name) entry.complain('actionType', `is ${shown(type)}, and it is registered as ${quoted(name)}`);
  const { message } = problems;
  if (message !== undefined || written === undefined) return fail(message ?? `${quoted(name)}: has no image`);
  return ok({ actionType: name, image: written, contract: contractPath, verification: 'strict' });
}

function fits(name: string): boolean {
  return name.length <= actionType.maxLength && (actionType.pattern?.test(name) ?? true);
}

/** The image of a step or an action: the one it names, else the one that is registered for its type. */
export function imageOf(
  { image: own, actionType: type }: Pick<WorkflowStep, 'image' | 'actionType'>,
  registry: ActionRegistry,
): Result<string, WorkflowProblem> {
  if (own !== undefined) return ok(own);
  if (type === undefined) return unresolved('names neither an image nor an actionType; give one of them, or both');
  const registered = registry.actions.get(type);
  if (registered !== undefined) return ok(registered.image);
  const problem = registry.problems.get(type);
  if (problem !== undefined)
    return unresolved(`names no image, and its entry in ${names.registry} is wrong: ${problem}`);
  return unresolved(
    `names no image, and ${quoted(type)} is not registered in ${names.registry}; register it, or name one`,
  );
}

function unresolved(message: string): Result<string, WorkflowProblem> {
  return fail({ reason: 'ConfigurationError', message });
}
