/** Reads a map of settings field by field; what is wrong, or not known, is a sentence that names the field. */
import { readFileSync } from 'node:fs';
import { quoted } from '../../kernel/failure.ts';
import { asRecord } from '../../kernel/strict-json.ts';

export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #where: string;
  readonly #problems: string[];
  readonly #known = new Set<string>();

  private constructor(values: Readonly<Record<string, unknown>>, where: string, problems: string[]) {
    this.#values = values;
    this.#where = where;
    this.#problems = problems;
  }

  static of(value: unknown, where: string, problems: string[]): Fields {
    const record = asRecord(value);
    if (record === undefined) problems.push(`${where === '' ? 'the file' : where} is not a map of settings`);
    return new Fields(record ?? {}, where, problems);
  }

  text(key: string, isRight: (text: string) => boolean, what: string, isNeeded = key === 'host'): string | undefined {
    const value = this.#take(key);
    if (value === undefined && !isNeeded) return undefined;
    if (typeof value === 'string' && value !== '' && isRight(value)) return value;
    const said = typeof value === 'string' ? `: "${quoted(value, 128)}" is not` : ' must be';
    this.#problems.push(`${this.#path(key)}${said} ${what}`);
    return undefined;
  }

  /** The name of a file that can be read now. */
  file(key: string): string | undefined {
    const name = this.text(key, () => true, 'the name of a file');
    if (name === undefined) return undefined;
    try {
      readFileSync(name);
      return name;
    } catch (error) {
      const why = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
      this.#problems.push(`${this.#path(key)}: cannot read ${quoted(name)} (${why})`);
      return undefined;
    }
  }

  has(key: string): boolean {
    return this.#take(key) !== undefined;
  }

  flag(key: string): boolean {
    const value = this.#take(key);
    if (value !== undefined && typeof value !== 'boolean')
      this.#problems.push(`${this.#path(key)} must be true or false`);
    return value === true;
  }

  oneOf<T extends string>(key: string, choices: readonly T[]): T | undefined {
    const text = this.text(key, (value) => choices.some((choice) => choice === value), `one of ${choices.join(', ')}`);
    return choices.find((choice) => choice === text);
  }

  list(key: string): readonly Fields[] {
    const value = this.#take(key) ?? [];
    if (!Array.isArray(value)) {
      this.#problems.push(`${this.#path(key)} must be a list`);
      return [];
    }
    return value.map((item: unknown, at) => Fields.of(item, `${this.#path(key)}[${at}]`, this.#problems));
  }

  /** A map, or the text that stands for its member `short`. */
  map(key: string, short: string): Fields | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    return Fields.of(typeof value === 'string' ? { [short]: value } : value, this.#path(key), this.#problems);
  }

  problem(sentence: string): void {
    this.#problems.push(this.#where === '' ? sentence : `${this.#where}: ${sentence}`);
  }

  /** To be called last: a misspelt setting must not silently be the default. */
  end(): void {
    const unknown = Object.keys(this.#values).filter((key) => !this.#known.has(key));
    for (const key of unknown) this.#problems.push(`${this.#path(quoted(key, 64))} is not a setting`);
  }

  #take(key: string): unknown {
    this.#known.add(key);
    return this.#values[key] ?? undefined;
  }

  #path(key: string): string {
    return this.#where === '' ? key : `${this.#where}.${key}`;
  }
}
