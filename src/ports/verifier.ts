import type { Result } from '../kernel/result.ts';
import type { SignatureArtifact, SignatureFact } from '../policy/facts.ts';
import type { TrustQuestion } from '../policy/question.ts';
import type { Digest } from '../kernel/digest.ts';

/** Runs verification without holding up the event loop; a Result failure means that nothing could be established. */
export interface Verifier {
  verify(
    artifact: SignatureArtifact,
    image: Digest,
    trust: TrustQuestion,
    now: Date,
    signal: AbortSignal,
  ): Promise<Result<SignatureFact>>;
}
