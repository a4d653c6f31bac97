/**
 * What a store of the history does, written once for both: a generator gives statements and takes their rows. SQLite runs
 * it in its thread, PostgreSQL over a connection; each in one transaction where it writes.
 */
import type { Dialect, SqlValue } from '../statements.ts';

export interface WorkStatement {
  readonly sql: string;
  readonly values: readonly (SqlValue | null)[];
}

export type WorkRow = Readonly<Record<string, unknown>>;
export type Work<T> = Generator<WorkStatement, T, readonly WorkRow[]>;

export type Parameter = Dialect['parameter'];

/** Values of a statement that is being written. */
export class Binding {
  readonly values: (SqlValue | null)[] = [];
  readonly #parameter: Parameter;

  constructor(parameter: Parameter) {
    this.#parameter = parameter;
  }

  /** Gives its place in the text. */
  bind(value: SqlValue | null): string {
    return this.#parameter(this.values.push(value));
  }

  list(values: readonly (SqlValue | null)[]): string {
    return values.map((value) => this.bind(value)).join(', ');
  }
}
