/**
 * Laws are tried on the same inputs in every run, so that a commit is as green on one machine as on another. Other inputs, for
 * looking further: FAST_CHECK_SEED=random npm test -- test/kernel
 */
import fc from 'fast-check';

const written = process.env['FAST_CHECK_SEED'] ?? '20261121';

if (written !== 'random') fc.configureGlobal({ seed: Number(written) });
