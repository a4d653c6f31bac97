import { asRecord } from '../kernel/strict-json.ts';

/** Members of what may be anything: those of the type asked for, or none. */
export class Seen {
  private readonly record: Readonly<Record<string, unknown>>;

  constructor(value: unknown) {
    this.record = asRecord(value) ?? {};
  }

  raw(name: string): unknown {
    return Object.hasOwn(this.record, name) ? this.record[name] : undefined;
  }

  text(name: string): string | undefined {
    const value = this.raw(name);
    return typeof value === 'string' && value !== '' ? value : undefined;
  }

  texts(name: string): readonly string[] | undefined {
    const value = this.raw(name);
    return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : undefined;
  }

  number(name: string): number | undefined {
    const value = this.raw(name);
    return Number.isSafeInteger(value) ? Number(value) : undefined;
  }

  time(name: string): string | undefined {
    const value = this.text(name);
    return value === undefined || Number.isNaN(Date.parse(value)) ? undefined : value;
  }

  oneOf<T extends string>(name: string, values: readonly T[]): T | undefined {
    const value = this.raw(name);
    return values.find((one) => one === value);
  }

  list(name: string): readonly Seen[] {
    const value = this.raw(name);
    return Array.isArray(value) ? value.map((item: unknown) => new Seen(item)) : [];
  }
}
