/**
 * Lets requests begin a few at a time. All that has arrived when the event loop looks would otherwise be judged before it
 * looks again, and in a burst timers, health checks and answers that are ready would wait for all of it.
 */
export class Turns {
  readonly #perTurn: number;
  readonly #waiting: (() => void)[] = [];
  #left: number;
  #isCounting = false;

  constructor(perTurn: number) {
    this.#perTurn = perTurn;
    this.#left = perTurn;
  }

  /** Settles when the caller may begin, in the order of the calls. */
  async take(): Promise<void> {
    if (!this.#isCounting) setImmediate(this.#next);
    this.#isCounting = true;
    if (this.#left === 0) return new Promise((begin) => this.#waiting.push(begin));
    this.#left -= 1;
  }

  readonly #next = (): void => {
    const begun = this.#waiting.splice(0, this.#perTurn);
    this.#left = this.#perTurn - begun.length;
    for (const begin of begun) begin();
    this.#isCounting = begun.length > 0;
    if (this.#isCounting) setImmediate(this.#next);
  };
}
