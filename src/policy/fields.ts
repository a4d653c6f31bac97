import { asRecord } from '../kernel/strict-json.ts';
import type { FieldErrors } from './field-errors.ts';

/** More than anybody writes by hand; every entry costs time while a request waits. */
const maxEntries = 10_000;

/**
 * Reads the members of one object strictly: every member is asked for by name and type, wrong types are reported with
 * their path, and `end` reports what nobody asked for. `null` counts as absent, as it does for the API server.
 */
export class Fields {
  private readonly record: Readonly<Record<string, unknown>>;
  private readonly asked = new Set<string>();
  private readonly errors: FieldErrors;
  readonly path: string;

  constructor(value: unknown, path: string, errors: FieldErrors) {
    const record = asRecord(value);
    if (record === undefined) errors.invalid(value, path, 'expected an object');
    this.record = record ?? {};
    this.path = path;
    this.errors = errors;
  }

  at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  has(name: string): boolean {
    return this.record[name] !== undefined && this.record[name] !== null;
  }

  raw(name: string): unknown {
    this.asked.add(name);
    return this.has(name) ? this.record[name] : undefined;
  }

  text(name: string): string | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === 'string') return value;
    this.errors.invalid(value, this.at(name), 'expected a string');
    return undefined;
  }

  /** Empty texts count as absent, as in Go's omitempty. */
  filled(name: string): string | undefined {
    const value = this.text(name);
    return value === '' ? undefined : value;
  }

  flag(name: string): boolean | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === 'boolean') return value;
    this.errors.invalid(value, this.at(name), 'expected true or false');
    return undefined;
  }

  object(name: string): Fields | undefined {
    const value = this.raw(name);
    return value === undefined ? undefined : new Fields(value, this.at(name), this.errors);
  }

  /** Objects that are told of under the path of the list, without their index. */
  entries<T>(name: string, read: (fields: Fields) => T): readonly T[] {
    return this.list(name, (value) => {
      const fields = new Fields(value, this.at(name), this.errors);
      const result = read(fields);
      fields.end();
      return result;
    });
  }

  list<T>(name: string, read: (value: unknown, path: string, index: number) => T): readonly T[] {
    const value = this.raw(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) {
      this.errors.invalid(value, this.at(name), 'expected a list');
      return [];
    }
    if (value.length > maxEntries) {
      this.errors.invalid(`${value.length} entries`, this.at(name), `expected at most ${maxEntries}`);
      return [];
    }
    return value.map((item: unknown, index) => read(item, `${this.at(name)}[${index}]`, index));
  }

  objects<T>(name: string, read: (fields: Fields, index: number) => T): readonly T[] {
    return this.list(name, (value, path, index) => {
      const fields = new Fields(value, path, this.errors);
      const result = read(fields, index);
      fields.end();
      return result;
    });
  }

  texts(name: string): readonly string[] {
    return this.list(name, (value, path) => {
      if (typeof value === 'string') return value;
      this.errors.invalid(value, path, 'expected a string');
      return '';
    });
  }

  /** A map of texts, e.g. labels. */
  labels(name: string): Readonly<Record<string, string>> {
    const value = this.raw(name);
    if (value === undefined) return {};
    const entries = Object.entries(asRecord(value) ?? {});
    if (asRecord(value) === undefined || entries.some(([, item]) => typeof item !== 'string')) {
      this.errors.invalid(value, this.at(name), 'expected a map of strings');
      return {};
    }
    return Object.fromEntries(entries.map(([key, item]) => [key, String(item)]));
  }

  /** Members that are read by somebody else, or that mean nothing here. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.asked.add(name);
  }

  end(): void {
    for (const name of Object.keys(this.record)) {
      if (!this.asked.has(name)) this.errors.unknown(this.at(name));
    }
  }
}
