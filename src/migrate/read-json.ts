/** Members of objects that somebody else wrote. What has another type than expected is not there, unless asked otherwise. */
import { quoted } from '../kernel/failure.ts';
import { asRecord } from '../kernel/strict-json.ts';
import type { Json } from './model.ts';

export function recordAt(value: unknown, ...path: readonly string[]): Json | undefined {
  let found: unknown = value;
  for (const step of path) {
    const record = asRecord(found);
    found = record !== undefined && Object.hasOwn(record, step) ? record[step] : undefined;
  }
  return asRecord(found);
}

export function listAt(value: unknown, member: string): readonly unknown[] | undefined {
  const found = memberOf(value, member);
  return Array.isArray(found) ? found : undefined;
}

export function textAt(value: unknown, member: string): string | undefined {
  const found = memberOf(value, member);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

/** The texts of a list; of a text the text alone. */
export function textsAt(value: unknown, member: string): readonly string[] {
  const found = memberOf(value, member);
  if (typeof found === 'string') return found === '' ? [] : [found];
  return Array.isArray(found) ? found.filter((item): item is string => typeof item === 'string' && item !== '') : [];
}

/** null and what is empty counts as absent. */
export function isThere(value: unknown, member: string): boolean {
  const found = memberOf(value, member);
  if (found === undefined || found === null || found === '') return false;
  if (Array.isArray(found)) return found.length > 0;
  const record = asRecord(found);
  return record === undefined || Object.keys(record).length > 0;
}

export function memberOf(value: unknown, member: string): unknown {
  const record = asRecord(value);
  return record !== undefined && Object.hasOwn(record, member) ? record[member] : undefined;
}

/** The first problem of an object that demands something: no object at all, or a member that nobody here knows. */
export function strangerIn(value: unknown, known: readonly string[], what: string): string | undefined {
  const record = asRecord(value);
  if (record === undefined) return `${what} is no object`;
  const stranger = Object.keys(record).find((key) => !known.includes(key) && isThere(record, key));
  return stranger === undefined ? undefined : `${what} has a member "${quoted(stranger, 64)}" that is not known here`;
}

/** The first of these members that has another type than text or is absent. */
export function noText(value: unknown, members: readonly string[], what: string): string | undefined {
  const wrong = members.find((member) => isThere(value, member) && typeof memberOf(value, member) !== 'string');
  return wrong === undefined ? undefined : `${what}.${wrong} is no text`;
}

export function nameOf(value: unknown): string {
  return textAt(memberOf(value, 'metadata'), 'name') ?? '';
}

export function titleOf(value: unknown): string {
  const kind = textAt(value, 'kind') ?? 'object';
  const namespace = textAt(memberOf(value, 'metadata'), 'namespace');
  const name = nameOf(value);
  return quoted(`${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`.trim(), 200);
}
