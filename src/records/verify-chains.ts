/**
 * Proves chains that stand beside each other, as a store has them and an export writes them: each by itself, in the order
 * of its records. Constant memory but for the number of chains.
 */
import { defined } from '../kernel/defined.ts';
import { parseLine, type Head, type Line, type Writer } from './chain.ts';
import { remarksOf } from './remarks.ts';

export interface Place {
  readonly file: string;
  readonly line: number;
}

export interface ProvenChain {
  readonly writer: Writer;
  readonly first: number;
  readonly last: number;
  /** Of its last record: noted elsewhere, it proves later that nothing was cut off the end. */
  readonly hash: string;
}

export interface ChainsVerification {
  /** Lines read, sound or not. */
  readonly records: number;
  readonly verdict: 'intact' | 'broken';
  readonly firstBroken?: Place & { readonly why: string };
  readonly chains: readonly ProvenChain[];
  /** Outages, crashes, and beginnings that are not there any more; at most 100. */
  readonly remarks: readonly (Place & { readonly text: string })[];
}

const maxRemarks = 100;

export class ChainsCheck {
  readonly #noted: string | undefined;
  #isNotedFound = false;
  #records = 0;
  #end: Place = { file: '', line: 1 };
  #chains = new Map<string, ProvenChain>();
  #firstBroken: ChainsVerification['firstBroken'];
  #remarks: (Place & { readonly text: string })[] = [];

  /** `noted` is the hash of a record that has to be there. */
  constructor(noted?: string) {
    this.#noted = noted;
  }

  take(place: Place, bytes: Buffer): void {
    this.#records += 1;
    this.#end = place;
    const parsed = parseLine(bytes);
    if (!parsed.ok) return this.broken(place, parsed.failure);
    const { head } = parsed.value;
    const key = JSON.stringify([head.writer.id, head.writer.startedAt]);
    const before = this.#chains.get(key);
    const why = before === undefined ? this.#checkFirst(place, parsed.value) : checkNext(before, parsed.value);
    if (why !== undefined) this.broken(place, why);
    this.#chains.set(key, chainWith(before, head));
    if (head.hash === this.#noted) this.#isNotedFound = true;
    for (const text of remarksOf(parsed.value)) this.#remark(place, text);
  }

  /** Something beside the records is wrong. */
  broken(place: Place, why: string): void {
    this.#firstBroken ??= { ...place, why };
  }

  result(): ChainsVerification {
    const firstBroken = this.#firstBroken ?? this.#cutOff();
    return {
      records: this.#records,
      verdict: firstBroken === undefined ? 'intact' : 'broken',
      ...defined('firstBroken', firstBroken),
      chains: [...this.#chains.values()],
      remarks: this.#remarks,
    };
  }

  /** Retention removes beginnings; that nothing else did cannot be seen from what is left. */
  #checkFirst(place: Place, { head, prev }: Line): string | undefined {
    if (head.sequence > 1) {
      this.#remark(place, `the chain of ${head.writer.id} begins with record number ${head.sequence}`);
      return undefined;
    }
    return /^0+$/.test(prev) ? undefined : 'it claims to be a first record but names one before it';
  }

  #remark(place: Place, text: string): void {
    if (this.#remarks.length < maxRemarks) this.#remarks.push({ ...place, text });
  }

  #cutOff(): ChainsVerification['firstBroken'] {
    if (this.#noted === undefined || this.#isNotedFound) return undefined;
    return { ...this.#end, why: `the record with the hash ${this.#noted} is missing` };
  }
}

function checkNext(before: ProvenChain, { head, prev }: Line): string | undefined {
  if (head.sequence !== before.last + 1)
    return `it is record number ${head.sequence} of ${head.writer.id} where number ${before.last + 1} belongs`;
  return prev === before.hash ? undefined : 'it does not continue the record before it';
}

function chainWith(before: ProvenChain | undefined, { writer, sequence, hash }: Head): ProvenChain {
  return { writer, first: before?.first ?? sequence, last: sequence, hash };
}
