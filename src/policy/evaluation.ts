import { quoted } from '../kernel/failure.ts';

/**
 * What policy code says of one input. `warn` is Rego's `warning` with a result that is true: sigstore policy-controller
 * treats it as a refusal, and so is it here; only a policy in mode `warn` lets it pass as a warning.
 */
export interface Evaluation {
  readonly result: 'pass' | 'warn' | 'fail';
  /** Empty when it passes. */
  readonly message: string;
}

/** Room for what CUE says of several fields. */
const maxMessage = 2_000;

/** For a sentence: engines show the place in the code on lines of their own, and repeat what they were asked about. */
export function toldBy({ message }: Evaluation): string {
  return quoted(message.trim().replaceAll(/\s+/g, ' '), maxMessage);
}
