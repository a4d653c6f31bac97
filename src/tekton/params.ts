/**
 * Parameters of Tekton's runs, tasks, pipelines and step actions, as far as an image can depend on them. What cannot be
 * known before a run goes on, such as the result of a task, stays unknown: nothing here guesses.
 */
import { failure, quoted } from '../kernel/failure.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { asRecord } from '../kernel/strict-json.ts';

export type ParamValue = string | readonly string[] | ReadonlyMap<string, string>;
export type Params = ReadonlyMap<string, ParamValue>;

/** Parameters in sight, the nearest first: those of a task hide those of its pipeline. */
export type Scope = readonly Params[];

/** `[{name, value}]` of a run or of a task in a pipeline. */
export function readParams(list: unknown): Params {
  return readNamed(list, 'value');
}

/** `[{name, default}]` of a declaration. */
export function readDefaults(list: unknown): Params {
  return readNamed(list, 'default');
}

/** Far more than anybody writes; what is beyond is not known, and whatever needs it is not resolved. */
const maxParams = 1_000;

function readNamed(list: unknown, member: 'value' | 'default'): Params {
  const entries: readonly unknown[] = Array.isArray(list) ? list.slice(0, maxParams) : [];
  const params = new Map<string, ParamValue>();
  for (const entry of entries) {
    const record = asRecord(entry);
    const name = record?.['name'];
    const value = readValue(record?.[member]);
    if (typeof name === 'string' && value !== undefined) params.set(name, value);
  }
  return params;
}

/** Tekton reads what is neither text, list nor object as the text that was written. */
function readValue(value: unknown): ParamValue | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(textOf);
  const record = asRecord(value);
  if (record === undefined) return textOf(value);
  return new Map(Object.entries(record).map(([key, member]) => [key, textOf(member)]));
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** How deep defaults of pipelines and step actions may lean on other parameters, as in Tekton. */
const maxRounds = 10;

/**
 * What was given over what a task declares. Tekton goes about this otherwise than in pipelines: a default may name other
 * defaults, one of them, and what was given in their place does not count.
 */
export function withTaskDefaults(given: Params, defaults: Params): Params {
  const settled = new Map([...defaults].filter(([, value]) => !isOpen(value)));
  for (const [name, value] of defaults) {
    if (!isOpen(value)) continue;
    const isAlone = new Set(value.match(variable)).size === 1;
    const found = isAlone ? substitute(value, [settled]) : undefined;
    settled.set(name, found?.ok === true ? found.value : value);
  }
  return over(given, settled);
}

function isOpen(value: ParamValue): value is string {
  return typeof value === 'string' && value.includes('$(');
}

/** What was given over what a pipeline or a step action declares. Defaults may name whatever parameter there is. */
export function withDefaults(given: Params, defaults: Params): Params {
  const params = new Map(over(given, defaults));
  let left = [...defaults.keys()].filter((name) => !given.has(name));
  for (let round = 0; round < maxRounds && left.length > 0; round += 1) {
    left = left.filter((name) => {
      const value = params.get(name);
      if (value === undefined || !isOpen(value)) return false;
      const settled = substitute(value, [params]);
      if (settled.ok) params.set(name, settled.value);
      return !settled.ok;
    });
  }
  return params;
}

/** Objects are completed key by key. */
function over(given: Params, defaults: Params): Params {
  const params = new Map([...defaults, ...given]);
  for (const [name, value] of defaults) {
    const own = given.get(name);
    if (own instanceof Map && value instanceof Map) params.set(name, new Map([...value, ...own]));
  }
  return params;
}

/** Longer texts are no image names, and inputs of that size do not fit into an environment. */
const maxLength = 131_072;
const variable = /\$\(([^()]*)\)/g;

/** The text with every `$(…)` replaced; fails unless all of it is known. */
export function substitute(text: string, scope: Scope): Result<string> {
  if (!text.includes('$(')) return ok(text);
  const parts: string[] = [];
  let end = 0;
  let length = 0;
  for (const match of text.matchAll(variable)) {
    const value = lookUp(match[1] ?? '', scope);
    if (value === undefined) return unknown(`$(${match[1]})`);
    parts.push(text.slice(end, match.index), value);
    end = match.index + match[0].length;
    length += value.length;
    if (length > maxLength) return unknown(text);
  }
  const whole = parts.join('') + text.slice(end);
  // A value that holds a variable itself: whether Tekton replaces that depends on the order in which it goes about it.
  return whole.includes('$(') ? unknown(whole) : ok(whole);
}

function unknown(text: string): Result<never> {
  return fail(failure('IMAGE_UNRESOLVED', `"${quoted(text, 100)}" is not known before the run goes on`));
}

/** `[*]` stands for a list as a whole where a list is expected. */
export function substituteList(value: ParamValue, scope: Scope): Result<readonly string[]> {
  if (!isList(value) && typeof value !== 'string') return unknown('an object');
  if (typeof value === 'string') {
    const list = wholeAt(value, scope);
    return isList(list) ? ok(list) : unknown(value);
  }
  const items: string[] = [];
  for (const item of unfolded(value, scope)) {
    const text = substitute(item, scope);
    if (!text.ok) return text;
    items.push(text.value);
  }
  return ok(items);
}

/** A value with what it names replaced, as far as it is known; the rest of it stays and is found unknown by its user. */
export function substituteValue(value: ParamValue, scope: Scope): ParamValue {
  const text = (item: string): string => {
    const found = substitute(item, scope);
    return found.ok ? found.value : item;
  };
  if (typeof value === 'string') return wholeAt(value, scope) ?? text(value);
  if (!isList(value)) return new Map([...value].map(([key, item]) => [key, text(item)]));
  return unfolded(value, scope).map(text);
}

/** A list in a list is its elements. */
function unfolded(items: readonly string[], scope: Scope): readonly string[] {
  return items.flatMap((item) => {
    const whole = wholeAt(item, scope);
    return isList(whole) ? whole : [item];
  });
}

function wholeAt(value: string, scope: Scope): ParamValue | undefined {
  const name = /^\$\((.*)\[\*\]\)$/.exec(value)?.[1];
  const read = name === undefined ? undefined : expression.exec(name);
  return read === null || read === undefined ? undefined : valueOf(nameIn(read), scope);
}

// The three ways of writing a name, and an index. A name with dots may be written after a dot as well.
const expression =
  /^params(?:\.(?<plain>[^[\]]+)|\["(?<double>[^"]+)"\]|\['(?<single>[^']+)'\])(?:\[(?<index>\d{1,6})\])?$/;

function nameIn(read: RegExpExecArray): string {
  const { plain, double, single } = read.groups ?? {};
  return plain ?? double ?? single ?? '';
}

function lookUp(text: string, scope: Scope): string | undefined {
  const read = expression.exec(text);
  if (read === null) return undefined;
  const name = nameIn(read);
  const index = read.groups?.['index'];
  const value = valueOf(name, scope);
  if (index !== undefined) return isList(value) ? value[Number(index)] : undefined;
  if (typeof value === 'string') return value;
  return read.groups?.['plain'] === undefined ? undefined : keyOf(name, scope);
}

/** `params.object.key` */
function keyOf(name: string, scope: Scope): string | undefined {
  for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
    const value = valueOf(name.slice(0, dot), scope);
    const found = value instanceof Map ? value.get(name.slice(dot + 1)) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function isList(value: ParamValue | undefined): value is readonly string[] {
  return Array.isArray(value);
}

function valueOf(name: string, scope: Scope): ParamValue | undefined {
  for (const params of scope) {
    const value = params.get(name);
    if (value !== undefined) return value;
  }
  return undefined;
}
