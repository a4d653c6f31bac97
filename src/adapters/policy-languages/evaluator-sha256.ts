// Written by test/evaluator/build.ts.
/** Of the unpacked evaluator.wasm.br. */
export const evaluatorSha256 = 'c3ace3e6b00a974ab9fd22bcdcd183de77864a507a5a3cc2910957a03a75c441';
