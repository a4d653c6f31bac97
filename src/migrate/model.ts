/**
 * Configuration of other admission programs, made into ours. Reads objects, gives objects and notes; knows no files and no
 * cluster. The law: what is written is never weaker than what was read. A demand that has no words here becomes an
 * authority that fails, and a note says what was lost.
 */

export type NoteLevel = 'info' | 'warning' | 'lost';

export interface Note {
  readonly level: NoteLevel;
  /** What it is about, e.g. `ClusterPolicy check-image, rule verify`. */
  readonly source: string;
  readonly message: string;
  readonly wayOut: string;
}

export type Json = Readonly<Record<string, unknown>>;

/** An object as it was found, and where. */
export interface SourceObject {
  readonly where: string;
  readonly value: Json;
}

/** An object of ours, and what it was made from. */
export interface Written {
  readonly source: string;
  readonly object: Json;
}

/** What the product does with images that none of its policies matches. */
export type Unmatched = 'deny' | 'warn' | 'allow';

/** What a reader of one product's objects found. */
export interface Reading {
  readonly written: readonly Written[];
  readonly notes: readonly Note[];
  /** For people to run. */
  readonly commands: readonly string[];
  /** Absent: the product says nothing about it. */
  readonly unmatched?: Unmatched;
  /** It looks at every namespace that is not left out; ours must be labelled. */
  readonly everyNamespace?: true;
}

export interface Migration {
  readonly objects: readonly Written[];
  readonly notes: readonly Note[];
  readonly commands: readonly string[];
}

/** Notes about one source. */
export class Notebook {
  readonly notes: Note[] = [];
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }

  info(message: string, wayOut = ''): void {
    this.notes.push({ level: 'info', source: this.source, message, wayOut });
  }

  warning(message: string, wayOut: string): void {
    this.notes.push({ level: 'warning', source: this.source, message, wayOut });
  }

  lost(message: string, wayOut: string): void {
    this.notes.push({ level: 'lost', source: this.source, message, wayOut });
  }
}
