import { failure } from '../kernel/failure.ts';
import { fail, type Result } from '../kernel/result.ts';

/** True of the image for ever, unlike what registries answer. */
export function contractInvalid(why: string): Result<never> {
  return fail(failure('CONTRACT_INVALID', `the image's contract cannot be used: ${why}`));
}
