import { failure } from '../../kernel/failure.ts';
import { fail, type Result } from '../../kernel/result.ts';
import type { Logger } from '../../ports/logger.ts';

const late = failure('RECORDS_UNAVAILABLE', 'the records store does not answer in time', 5);
const broken = failure(
  'RECORDS_UNAVAILABLE',
  'the records store failed unexpectedly; the log of the program says why',
  5,
);
const busy = failure('OVERLOADED', 'too many questions are waiting for the records store', 5);

/** Asks the records for people who wait: never longer than the deadline, never many at once, never an exception. */
export class Reader {
  readonly #log: Logger;
  readonly #deadlineMs: number;
  readonly #maxUnderWay: number;
  /** Also those that nobody waits for any more. */
  #underWay = 0;

  constructor(log: Logger, deadlineMs: number, maxUnderWay = 32) {
    this.#log = log;
    this.#deadlineMs = deadlineMs;
    this.#maxUnderWay = maxUnderWay;
  }

  async ask<T>(question: () => Promise<Result<T>>): Promise<Result<T>> {
    if (this.#underWay >= this.#maxUnderWay) return fail(busy);
    const { promise: deadline, resolve } = Promise.withResolvers<Result<T>>();
    const timer = setTimeout(() => resolve(fail(late)), this.#deadlineMs);
    try {
      return await Promise.race([this.#answer(question), deadline]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #answer<T>(question: () => Promise<Result<T>>): Promise<Result<T>> {
    this.#underWay += 1;
    try {
      return await question();
    } catch (error) {
      this.#log.error({ err: error }, 'the records store failed unexpectedly');
      return fail(broken);
    } finally {
      this.#underWay -= 1;
    }
  }
}
