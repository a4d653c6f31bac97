/**
 * JSON as Go's encoding/json reads it into structs and writes it again, for inputs of policy code that must not differ
 * from what sigstore policy-controller gives: unknown members dropped, absent ones with their zero value, keys of maps in
 * the order of their bytes, `<`, `>` and `&` escaped.
 */

/** A Go type. `time` is time.Time; `any` is interface{}. */
export type GoType =
  | 'any'
  | 'string'
  | 'bool'
  | 'time'
  | { readonly list: GoType }
  | { readonly map: GoType }
  | { readonly pointer: GoType }
  | { readonly struct: readonly GoField[] };

export interface GoField {
  readonly name: string;
  readonly type: GoType;
  readonly omitEmpty?: true;
}

/** Where a value does not have its type. */
export class GoTypeMismatch extends Error {}

/** JSON text of what a variable of that type holds once `value` was read into it. */
export function asGo(value: unknown, type: GoType, path = ''): string {
  if (type === 'any') return quicklyAsGo(value ?? null, path);
  if (value === undefined || value === null) return zeroOf(type);
  if (typeof type === 'string') return scalarAsGo(value, type, path);
  if ('pointer' in type) return asGo(value, type.pointer, path);
  if ('list' in type) {
    if (!Array.isArray(value)) throw mismatch(path, 'a list');
    const items: readonly unknown[] = value;
    return `[${items.map((item, index) => asGo(item, type.list, `${path}[${index}]`)).join(',')}]`;
  }
  const members = entriesOf(value, path);
  if ('map' in type) return mapAsGo(members, (item, key) => asGo(item, type.map, below(path, key)));
  return structAsGo(members, type.struct, path);
}

function scalarAsGo(value: unknown, type: 'string' | 'bool' | 'time', path: string): string {
  switch (type) {
    case 'string':
      if (typeof value !== 'string') throw mismatch(path, 'a text');
      return textAsGo(value);
    case 'bool':
      if (typeof value !== 'boolean') throw mismatch(path, 'true or false');
      return String(value);
    case 'time':
      return textAsGo(timeAsGo(value, path));
  }
}

function zeroOf(type: Exclude<GoType, 'any'>): string {
  if (type === 'string') return '""';
  if (type === 'bool') return 'false';
  if (type === 'time') return '"0001-01-01T00:00:00Z"';
  return 'struct' in type ? structAsGo([], type.struct, '') : 'null';
}

type Entries = readonly (readonly [string, unknown])[];

/** Each member goes to the field of its name, in whatever case; of several the last one counts. */
function structAsGo(members: Entries, fields: readonly GoField[], path: string): string {
  const values = new Map<GoField, unknown>();
  for (const [key, value] of members) {
    const field = fields.find(({ name }) => name === key) ?? fields.find(({ name }) => folded(name) === folded(key));
    if (field !== undefined && value !== null) values.set(field, value);
  }
  const written = fields.flatMap((field) => {
    const text = asGo(values.get(field), field.type, below(path, field.name));
    return field.omitEmpty === true && isEmpty(text, field.type) ? [] : [`${textAsGo(field.name)}:${text}`];
  });
  return `{${written.join(',')}}`;
}

/** A struct is never empty. */
function isEmpty(text: string, type: GoType): boolean {
  if (type === 'any') return text === 'null';
  if (typeof type === 'object' && 'struct' in type) return false;
  return ['null', '""', 'false', '[]', '{}'].includes(text);
}

/**
 * Lists of packages have megabytes, during which nobody else gets an answer: JSON.stringify is several times as fast. It
 * writes what Go writes, but for what gives undefined below.
 */
function quicklyAsGo(value: unknown, path: string): string {
  const ordered = inGoOrder(value);
  const text = ordered === undefined ? undefined : JSON.stringify(ordered);
  // Half of a surrogate pair; or text that looks like one, which is rare as well.
  return text === undefined || /\\ud[89a-f]/.test(text) ? anyAsGo(value, path) : escaped(text);
}

/** The same with keys in order, or undefined. JavaScript has an order of its own for keys that are numbers. */
function inGoOrder(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0) ? value : undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map(inGoOrder);
    return items.includes(undefined) ? undefined : items;
  }
  const ordered: Record<string, unknown> = {};
  for (const key of Object.keys(value).sort()) {
    // The key is one of this object.
    const item = unusualKey.test(key) ? undefined : inGoOrder((value as Readonly<Record<string, unknown>>)[key]);
    if (item === undefined) return undefined;
    ordered[key] = item;
  }
  return ordered;
}

/** Numbers, what is special in JavaScript, and what has another order in UTF-16 than in UTF-8. */
const unusualKey = /^(?:\d|__proto__$)|[\ud800-\uffff]/;

function anyAsGo(value: unknown, path: string): string {
  if (typeof value === 'string') return textAsGo(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw mismatch(path, 'a number that fits');
    return Object.is(value, -0) ? '-0' : String(value);
  }
  if (typeof value !== 'object' || value === null) return String(value);
  if (!Array.isArray(value)) return mapAsGo(entriesOf(value, path), (item) => anyAsGo(item, path));
  const items: readonly unknown[] = value;
  return `[${items.map((item) => anyAsGo(item, path)).join(',')}]`;
}

function mapAsGo(entries: Entries, write: (value: unknown, key: string) => string): string {
  const plain = entries.every(([key]) => !/[\ud800-\uffff]/.test(key));
  const sorted = entries.toSorted(([a], [b]) => {
    // UTF-16 units of other texts have another order than their bytes.
    if (!plain) return Buffer.compare(Buffer.from(a), Buffer.from(b));
    return a < b ? -1 : 1;
  });
  return `{${sorted.map(([key, value]) => `${textAsGo(key)}:${write(value, key)}`).join(',')}}`;
}

const escapes: ReadonlyMap<string, string> = new Map(
  ['<', '>', '&', '\u2028', '\u2029'].map((char) => [char, `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`]),
);

function textAsGo(text: string): string {
  return escaped(JSON.stringify(text.toWellFormed()));
}

/** Of JSON, where these are in strings only. */
function escaped(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (char) => escapes.get(char) ?? char);
}

function folded(name: string): string {
  // The two letters outside ASCII that Go takes for letters of it.
  return name.replaceAll('\u017f', 's').replaceAll('\u212a', 'k').toLowerCase();
}

/** Go also reads an hour of one digit and a comma before the fraction. */
const rfc3339 =
  /^(\d{4})-(\d\d)-(\d\d)T(\d|[01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:[.,](\d+))?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** Time.UnmarshalJSON and MarshalJSON: RFC 3339 with up to nine digits of a second and without zeros at their end. */
function timeAsGo(value: unknown, path: string): string {
  const match = typeof value === 'string' ? rfc3339.exec(value) : null;
  if (match === null) throw mismatch(path, 'a time');
  const [, year, month, day, hour = '', minute, second, digits = '', zone = ''] = match;
  const isDay =
    Number(day) >= 1 && Number(day) <= new Date(Date.UTC(2000 + (Number(year) % 400), Number(month), 0)).getUTCDate();
  if (!isDay || Number(month) < 1 || Number(month) > 12) throw mismatch(path, 'a time');
  const fraction = digits.slice(0, 9).replace(/0+$/, '');
  const offset = /^[+-]00:00$/.test(zone) ? 'Z' : zone;
  return `${year}-${month}-${day}T${hour.padStart(2, '0')}:${minute}:${second}${fraction === '' ? '' : `.${fraction}`}${offset}`;
}

function entriesOf(value: unknown, path: string): Entries {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw mismatch(path, 'an object');
  return Object.entries(value);
}

function below(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function mismatch(path: string, what: string): GoTypeMismatch {
  return new GoTypeMismatch(`${path === '' ? 'it' : path} is not ${what}`);
}
