/**
 * Reads members of an object that anybody may have written, and collects what is wrong as sentences: the field, what was
 * found, the way out. `null` counts as absent, as it does for the API server; members that nobody asks for do not matter.
 */
import { millisOf, parseDuration } from '../contract/duration.ts';
import { quoted } from '../kernel/failure.ts';
import { asRecord } from '../kernel/strict-json.ts';

export interface TextRule {
  readonly maxLength: number;
  readonly pattern?: RegExp;
  /** Ends "… is "x"; write <expected>". */
  readonly expected: string;
}

export class Problems {
  readonly found: string[] = [];
  /** A hostile object has as many as it has members. */
  private static readonly most = 10;

  add(path: string, sentence: string): void {
    this.found.push(`${path}: ${sentence}`);
  }

  get message(): string | undefined {
    if (this.found.length === 0) return undefined;
    const rest = this.found.length - Problems.most;
    const shown = this.found.slice(0, Problems.most).join('; ');
    return rest > 0 ? `${shown}; and ${rest} more` : shown;
  }
}

export class Members {
  readonly path: string;
  private readonly record: Readonly<Record<string, unknown>>;
  private readonly problems: Problems;

  constructor(value: unknown, path: string, problems: Problems) {
    const record = asRecord(value);
    if (record === undefined && value !== undefined && value !== null)
      problems.add(path, 'is no object; write a mapping');
    this.record = record ?? {};
    this.path = path;
    this.problems = problems;
  }

  at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  raw(name: string): unknown {
    const value = Object.hasOwn(this.record, name) ? this.record[name] : undefined;
    return value === null ? undefined : value;
  }

  get names(): readonly string[] {
    return Object.keys(this.record);
  }

  object(name: string): Members {
    return new Members(this.raw(name), this.at(name), this.problems);
  }

  /** Empty counts as absent. */
  text(name: string, rule: TextRule): string | undefined {
    const value = this.raw(name);
    if (value === undefined || value === '') return undefined;
    return this.checkedText(value, this.at(name), rule);
  }

  flag(name: string): boolean | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === 'boolean') return value;
    this.problems.add(this.at(name), `is ${shown(value)}; write true or false`);
    return undefined;
  }

  whole(name: string, least: number, most: number): number | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    this.problems.add(this.at(name), `is ${shown(value)}; write a whole number from ${least} to ${most}`);
    return undefined;
  }

  duration(name: string): number | undefined {
    const value = this.raw(name);
    if (value === undefined || value === '') return undefined;
    const millis = typeof value === 'string' ? timeLimitMs(value) : undefined;
    if (millis === undefined) this.problems.add(this.at(name), `is ${shown(value)}; write ${timeLimitForm}`);
    return millis;
  }

  texts(name: string, most: number, rule: TextRule): readonly string[] {
    const read = (value: unknown, path: string): string | undefined => this.checkedText(value, path, rule);
    return this.list(name, most, read).filter((text) => text !== undefined);
  }

  objects<T>(name: string, most: number, read: (members: Members, index: number) => T): readonly T[] {
    return this.list(name, most, (value, path, index) => {
      if (asRecord(value) === undefined) this.problems.add(path, `is ${shown(value)}; write a mapping`);
      return read(new Members(asRecord(value), path, this.problems), index);
    });
  }

  complain(name: string, sentence: string): void {
    this.problems.add(this.at(name), sentence);
  }

  private list<T>(name: string, most: number, read: (value: unknown, path: string, index: number) => T): readonly T[] {
    const value = this.raw(name);
    if (value === undefined) return [];
    if (Array.isArray(value) && value.length <= most) {
      return Array.from(value, (item: unknown, index) => read(item, `${this.at(name)}[${index}]`, index));
    }
    const what = Array.isArray(value) ? `has ${value.length} items` : `is ${shown(value)}`;
    this.problems.add(this.at(name), `${what}; write a list of at most ${most}`);
    return [];
  }

  private checkedText(value: unknown, path: string, rule: TextRule): string | undefined {
    const fits = typeof value === 'string' && value.length <= rule.maxLength && (rule.pattern?.test(value) ?? true);
    if (fits) return value;
    this.problems.add(path, `is ${shown(value)}; write ${rule.expected}`);
    return undefined;
  }
}

/** The value for a sentence: scalars as written, the rest by kind. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `"${quoted(value, 80)}"`;
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'a mapping' : quoted(String(value), 80);
}

export const timeLimitForm = 'a duration from 1s to 744h such as "90s", "5m" or "1h30m"';
const maxTimeLimitMs = 744 * 3_600_000;

/** Milliseconds; undefined for what is no duration, and for what no run can keep. */
export function timeLimitMs(text: string): number | undefined {
  const nanos = parseDuration(text.trim());
  const millis = nanos === undefined ? 0 : millisOf(nanos);
  return millis >= 1000 && millis <= maxTimeLimitMs ? millis : undefined;
}

/** RFC 1123 label, as Kubernetes reads it. */
export const dnsLabel: TextRule = {
  maxLength: 63,
  pattern: /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/,
  expected: 'at most 63 lower-case letters, digits and "-", with a letter or digit at both ends',
};
