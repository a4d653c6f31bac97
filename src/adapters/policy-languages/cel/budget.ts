/**
 * What an evaluation of CEL may cost: a step of a loop, a call of a function, and what they read and make, in units of less than
 * a microsecond. It is counted while the expression runs, the same on every machine.
 */
import { isCelList, isCelMap } from '@bufbuild/cel';

const limit = 1_000_000;
/** Characters that are compared, searched or copied in one unit. */
const charactersPerUnit = 64;

/** Thrown through the library, past the operators that take an error for a value. */
export class BudgetSpent extends Error {
  override readonly name = 'BudgetSpent';
}

export class Budget {
  #left = limit;

  get isSpent(): boolean {
    return this.#left < 0;
  }

  charge(units: number): void {
    this.#left -= units;
    if (this.#left < 0) throw new BudgetSpent('the budget is spent');
  }

  chargeText(characters: number): void {
    this.charge(Math.ceil(characters / charactersPerUnit));
  }

  /** A value that is read to its last member, as by ==. */
  chargeWhole(value: unknown): void {
    this.charge(1);
    if (isCelList(value)) for (const member of value) this.chargeWhole(member);
    else if (isCelMap(value)) for (const [, member] of value) this.chargeWhole(member);
    else this.chargeSurface(value);
  }

  /** Text counts by its length; of lists and maps only the object itself is touched. */
  chargeSurface(value: unknown): void {
    if (typeof value === 'string' || value instanceof Uint8Array) this.chargeText(value.length);
  }
}
