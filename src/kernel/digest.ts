import { createHash } from 'node:crypto';

/** "sha256:" and 64 lower-case hexadecimal digits. OCI image-spec descriptor §digests; other algorithms are refused, as ggcr does. */
export type Digest = string & { readonly __brand: 'Digest' };

const pattern = /^sha256:[0-9a-f]{64}$/;

export function parseDigest(text: unknown): Digest | undefined {
  return typeof text === 'string' && pattern.test(text) ? (text as Digest) : undefined;
}

export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
}

/** The 64 digits without the algorithm. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}
