import { defined } from '../../kernel/defined.ts';
import { noRecord, parseLine, sameHead, sameWriter, type Head, type Line } from '../../records/chain.ts';
import { remarksOf } from '../../records/remarks.ts';
import { rawLines, type RawLine } from './lines.ts';

export interface Place {
  readonly file: string;
  readonly line: number;
}

export interface Verification {
  /** Lines read, sound or not. */
  readonly records: number;
  readonly verdict: 'intact' | 'broken';
  readonly firstBroken?: Place & { readonly why: string };
  /** The last readable record: kept elsewhere, it proves later that nothing was cut off the end. */
  readonly head?: Head;
  /** What the log itself says about outages and crashes; at most 100. */
  readonly remarks: readonly (Place & { readonly text: string })[];
}

const maxRemarks = 100;

/**
 * Reads all files of a log, oldest first, in constant memory, and proves that every record is where it was written. A
 * chain cannot tell by itself how long it was: with `notedHash`, of a record noted earlier, that record has to be there.
 */
export async function verifyDecisionLog(files: readonly string[], notedHash?: string): Promise<Verification> {
  const check = new ChainCheck(notedHash);
  for (const file of files) for await (const raw of rawLines(file)) check.take(raw);
  return check.result();
}

class ChainCheck {
  readonly #noted: string | undefined;
  #isNotedFound = false;
  #records = 0;
  #end: Place = { file: '', line: 1 };
  #last: Head | undefined;
  #firstBroken: (Place & { why: string }) | undefined;
  #remarks: (Place & { text: string })[] = [];
  /** What came before the first record that is still there, if anything did. */
  #missing: (Place & { readonly isHead: (head: Head) => boolean; readonly why: string }) | undefined;
  #isMissingExplained = false;

  constructor(noted: string | undefined) {
    this.#noted = noted;
  }

  take(raw: RawLine): void {
    this.#records += 1;
    this.#end = { file: raw.file, line: raw.line + 1 };
    const parsed = raw.complete ? parseLine(raw.bytes) : undefined;
    if (parsed === undefined) return this.#broken(raw, 'its end is missing: a write was cut off, or is under way');
    if (!parsed.ok) return this.#broken(raw, parsed.failure);
    const line = parsed.value;
    const why = this.#last === undefined ? this.#checkFirst(raw, line) : checkAfter(this.#last, line);
    if (why !== undefined) this.#broken(raw, why);
    this.#last = line.head;
    if (line.head.hash === this.#noted) this.#isNotedFound = true;
    if (this.#missing !== undefined && line.notes.pruned?.some(this.#missing.isHead) === true) {
      this.#isMissingExplained = true;
    }
    for (const text of remarksOf(line)) {
      if (this.#remarks.length < maxRemarks) this.#remarks.push({ file: raw.file, line: raw.line, text });
    }
  }

  /** Rotation removes the oldest files and says so in a later record. */
  #checkFirst(place: Place, line: Line): string | undefined {
    const { head, notes, prev } = line;
    if (this.#records > 1) return undefined; // What is before it is unreadable, and reported.
    const where = { file: place.file, line: place.line };
    if (head.sequence > 1) {
      const isHead = (pruned: Head): boolean =>
        pruned.hash === prev && pruned.sequence === head.sequence - 1 && sameWriter(pruned.writer, head.writer);
      this.#missing = { ...where, isHead, why: `records before number ${head.sequence} are missing` };
    } else if (prev !== noRecord) {
      return 'it claims to be a first record but names one before it';
    } else if (notes.previous !== undefined) {
      const isHead = (pruned: Head): boolean => sameHead(pruned, notes.previous);
      this.#missing = { ...where, isHead, why: 'the records before this chain are missing' };
    }
    return undefined;
  }

  #broken(place: Place, why: string): void {
    this.#firstBroken ??= { file: place.file, line: place.line, why };
  }

  result(): Verification {
    const firstBroken = this.#unexplained() ?? this.#firstBroken ?? this.#cutOff();
    return {
      records: this.#records,
      verdict: firstBroken === undefined ? 'intact' : 'broken',
      ...defined('firstBroken', firstBroken),
      ...defined('head', this.#last),
      remarks: this.#remarks,
    };
  }

  #unexplained(): Verification['firstBroken'] {
    if (this.#missing === undefined || this.#isMissingExplained) return undefined;
    const { file, line, why } = this.#missing;
    return { file, line, why: `${why} and no record says that rotation removed them` };
  }

  #cutOff(): Verification['firstBroken'] {
    if (this.#noted === undefined || this.#isNotedFound) return undefined;
    return { ...this.#end, why: `the record with the hash ${this.#noted} is missing: the end was cut off or replaced` };
  }
}

function checkAfter(last: Head, line: Line): string | undefined {
  const { head, notes, prev } = line;
  if (sameWriter(last.writer, head.writer)) {
    if (head.sequence !== last.sequence + 1) {
      return `it is record number ${head.sequence} where number ${last.sequence + 1} belongs`;
    }
    return prev === last.hash ? undefined : 'it does not continue the record before it';
  }
  if (head.sequence !== 1)
    return `it is record number ${head.sequence} of another writer: records are missing or moved`;
  if (prev !== noRecord) return 'it claims to be a first record but names one before it';
  return sameHead(notes.previous, last) ? undefined : 'it starts a new chain without naming the record before it';
}
