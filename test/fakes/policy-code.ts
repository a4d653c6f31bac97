import type { EvidenceSource } from '../../src/evidence/evidence-source.ts';
import { failure } from '../../src/kernel/failure.ts';
import { fail } from '../../src/kernel/result.ts';
import type { PolicyLanguages } from '../../src/ports/policy-languages.ts';

const none = failure('POLICY_ENGINE_UNAVAILABLE', 'there is no policy code in this test');

/** For tests without policy code: whoever evaluates some all the same is refused. */
export const noPolicyCode: Pick<EvidenceSource, 'configs' | 'evaluate'> = {
  configs: async () => fail(none),
  evaluate: async () => fail(none),
};

export const noLanguages: PolicyLanguages = { evaluate: async () => fail(none) };
