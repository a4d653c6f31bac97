import type { PinnedImage } from '../policy/question.ts';
import { repositoryName } from '../kernel/image-reference.ts';

/**
 * What cosign signs, byte for byte, when an image is signed where it is and without annotations. A layer with this digest
 * need not be fetched: content that is addressed by its hash is the same wherever it comes from.
 * sigstore/cosign specs/SIGNATURE_SPEC.md §simple signing
 */
export function usualPayload(image: PinnedImage): Uint8Array {
  const payload = {
    critical: {
      identity: { 'docker-reference': repositoryName(image) },
      image: { 'docker-manifest-digest': image.digest },
      type: 'cosign container image signature',
    },
    optional: null,
  };
  return Buffer.from(JSON.stringify(payload));
}
