import { hexOf, type Digest } from '../kernel/digest.ts';
import { failure, quoted } from '../kernel/failure.ts';
import { parseImageReference } from '../kernel/image-reference.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import type { SignatureSource } from '../policy/model.ts';
import type { PinnedImage } from '../policy/question.ts';
import type { Repository } from '../ports/registry.ts';

/**
 * Where an image's signatures are: beside it, or in the repository that the policy's `source.oci` names. A bare registry
 * there means the image's own repository path on that registry.
 */
export function signatureRepository(image: PinnedImage, source: SignatureSource | undefined): Result<Repository> {
  if (source?.oci === undefined) return ok({ registry: image.registry, repository: image.repository });
  const isRegistry = !source.oci.includes('/');
  const parsed = parseImageReference(isRegistry ? `${source.oci}/${image.repository}` : source.oci);
  if (!parsed.ok) return fail(failure('POLICY_NOT_READY', `source.oci "${quoted(source.oci)}" is not a repository`));
  return ok({ registry: parsed.value.registry, repository: parsed.value.repository });
}

/** cosign's tag for legacy signatures and attestations. sigstore/cosign specs SIGNATURE_SPEC.md §tag-based discovery */
export function legacyTag(image: Digest, source: SignatureSource | undefined, suffix: 'sig' | 'att'): string {
  return `${source?.tagPrefix ?? ''}sha256-${hexOf(image)}.${suffix}`;
}
