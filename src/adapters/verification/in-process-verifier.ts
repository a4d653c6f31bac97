/**
 * Runs verification on the event loop in slices: after a few milliseconds of work it lets everything else run first.
 * A keyless verification takes one to a few milliseconds, so a burst of them delays nobody noticeably; worker threads
 * would cost more in copying than they give on the few cores that a webhook has.
 */
import { setImmediate } from 'node:timers/promises';
import { failure } from '../../kernel/failure.ts';
import { fail, ok } from '../../kernel/result.ts';
import type { Verifier } from '../../ports/verifier.ts';
import { verifySignature } from '../../verification/verify-signature.ts';

export interface VerifierSettings {
  /** Verifications that may wait; more are refused as OVERLOADED. */
  readonly maxWaiting: number;
}

export function createInProcessVerifier(settings: VerifierSettings = { maxWaiting: 2_000 }): Verifier {
  // One after the other: the tail of a chain of turns, each of which begins in a fresh turn of the event loop.
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  return {
    async verify(artifact, image, trust, now, signal) {
      if (waiting >= settings.maxWaiting) {
        return fail(failure('OVERLOADED', 'too many signatures are waiting to be verified', 2));
      }
      waiting += 1;
      const turn = last.then(async () => {
        await setImmediate();
        if (signal.aborted) return fail(failure('DEADLINE_EXCEEDED', 'the signature could not be verified in time', 2));
        return ok(verifySignature(artifact, image, trust, now));
      });
      last = turn;
      try {
        return await turn;
      } finally {
        waiting -= 1;
      }
    },
  };
}
