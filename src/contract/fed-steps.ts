import type { Given, Need, Steps } from './tar-entries.ts';

/** Runs a reader that asks for bytes on the chunks of a stream, which come as they like. */
export class FedSteps {
  readonly #steps: Steps<void>;
  #need: Need | undefined;
  /** What was taken so far, when one chunk does not hold it all. */
  #taken: Buffer | undefined;
  #given = 0;

  constructor(steps: Steps<void>) {
    this.#steps = steps;
    this.#need = nextNeed(steps.next());
  }

  /** The reader has read all that it wanted. */
  get isDone(): boolean {
    return this.#need === undefined;
  }

  /** Throws what the reader throws. */
  push(chunk: Buffer): void {
    let rest = chunk;
    while (this.#need !== undefined && rest.length > 0) {
      const part = rest.subarray(0, sizeOf(this.#need) - this.#given);
      rest = rest.subarray(part.length);
      this.#accept(part, this.#need);
    }
  }

  end(): void {
    if (this.#need !== undefined) this.#answer(this.#given === 0 ? 'end' : 'cut');
  }

  #accept(part: Buffer, need: Need): void {
    const size = sizeOf(need);
    const isWhole = part.length === size;
    if ('take' in need && !isWhole) {
      // Copied: many small chunks would take more room as a list.
      this.#taken ??= Buffer.alloc(size);
      part.copy(this.#taken, this.#given);
    }
    this.#given += part.length;
    if (this.#given === size) this.#answer(this.#taken ?? part);
  }

  #answer(given: Given): void {
    this.#taken = undefined;
    this.#given = 0;
    this.#need = nextNeed(this.#steps.next(given));
  }
}

function nextNeed(step: IteratorResult<Need, void>): Need | undefined {
  return step.done === true ? undefined : step.value;
}

function sizeOf(need: Need): number {
  return 'take' in need ? need.take : need.skip;
}
