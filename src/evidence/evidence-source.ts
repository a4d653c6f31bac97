import type { Digest } from '../kernel/digest.ts';
import type { ImageReference } from '../kernel/image-reference.ts';
import type { Result } from '../kernel/result.ts';
import type { Question } from '../policy/question.ts';
import type { Evidence } from '../policy/verdict.ts';
import type { Workload } from '../ports/pull-credentials.ts';

/** What admission asks of the outside: the only two questions that cost a round trip. */
export interface EvidenceSource {
  /** The digest a tag names now; remembered for seconds at most, per credentials. */
  resolveTag(image: ImageReference, workload: Workload, signal: AbortSignal): Promise<Result<Digest>>;
  /** One answer per question, always; what could not be established is a coded failure. */
  answer(questions: readonly Question[], workload: Workload, signal: AbortSignal): Promise<Evidence>;
}
