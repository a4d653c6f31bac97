import type { ActionContract } from '../contract/model.ts';
import type { Digest } from '../kernel/digest.ts';
import type { ImageReference } from '../kernel/image-reference.ts';
import type { Result } from '../kernel/result.ts';
import type { Evaluation } from '../policy/evaluation.ts';
import type { PinnedImage, Question } from '../policy/question.ts';
import type { Evidence } from '../policy/verdict.ts';
import type { EvaluationRequest } from '../ports/policy-languages.ts';
import type { Workload } from '../ports/pull-credentials.ts';

/** What admission asks of the outside: the only questions that cost a round trip. */
export interface EvidenceSource {
  /** The digest a tag names now; remembered for seconds at most, per credentials. */
  resolveTag(image: ImageReference, workload: Workload, signal: AbortSignal): Promise<Result<Digest>>;
  /** One answer per question, always; what could not be established is a coded failure. */
  answer(questions: readonly Question[], workload: Workload, signal: AbortSignal): Promise<Evidence>;
  /** The configuration of each of the image's platforms, as `os/architecture[/variant]`: JSON as the registry has it. */
  configs(
    image: PinnedImage,
    workload: Workload,
    signal: AbortSignal,
  ): Promise<Result<Readonly<Record<string, unknown>>>>;
  /** What policy code says of an input; remembered by content. */
  evaluate(request: EvaluationRequest, signal: AbortSignal): Promise<Result<Evaluation>>;
  /**
   * What an image says about itself; undefined when it says nothing. To be asked only after its signatures passed.
   * CONTRACT_INVALID: there is a contract, or something in its place, that cannot be read.
   */
  contract(image: PinnedImage, workload: Workload, signal: AbortSignal): Promise<Result<ActionContract | undefined>>;
}
