/**
 * What policy code says of one input. `warn` is Rego's `warning` with a result that is true: sigstore policy-controller
 * treats it as a refusal, and so is it here; only a policy in mode `warn` lets it pass as a warning.
 */
export interface Evaluation {
  readonly result: 'pass' | 'warn' | 'fail';
  /** Empty when it passes. */
  readonly message: string;
}
