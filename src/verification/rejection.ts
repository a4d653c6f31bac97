import type { FailureCode } from '../kernel/failure.ts';

/** Why a signature proves nothing. Thrown and caught inside this folder only; outside it is a fact. */
export class Rejection extends Error {
  readonly code: FailureCode;

  constructor(code: FailureCode, message: string) {
    super(message);
    this.code = code;
  }
}
