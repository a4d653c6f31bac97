/** Pairs of policy and image that are judged, or explained, otherwise on purpose: each by a difference that is documented. */
import type { ImageName } from './images.ts';

export interface Exception {
  readonly policy: string;
  readonly images: readonly ImageName[];
  /** Absent: whatever the object is. */
  readonly kinds?: readonly string[];
  /** One of test/policy/known-differences.ts. */
  readonly difference: string;
}

export const exceptions: readonly Exception[] = [
  { policy: 'key', images: ['key-bundle'], difference: 'bundle-signatures' },
  { policy: 'keyless-late', images: ['keyless-bundle'], difference: 'bundle-signatures' },
  { policy: 'attested', images: ['custom-bundle'], difference: 'bundle-signatures' },
  { policy: 'attested-keyless', images: ['custom-keyless-bundle'], difference: 'bundle-signatures' },
  {
    policy: 'attested-keyless-bundle',
    images: ['custom-keyless-bundle'],
    difference: 'logs-of-trust-roots-in-bundles',
  },
  { policy: 'key-p384-usual', images: ['key-p384'], difference: 'hash-of-the-curve' },
  { policy: 'key-in-log', images: ['key'], difference: 'addresses-of-logs' },
  { policy: 'key-with-timestamp', images: ['key', 'key-stranger'], difference: 'timestamp-required' },
  { policy: 'keyless-timestamp', images: ['keyless', 'keyless-unlogged'], difference: 'timestamp-required' },
  { policy: 'key-in-log-with-timestamp', images: ['key-timestamped'], difference: 'log-beside-timestamp' },
  { policy: 'keyless-no-log', images: ['keyless-unlogged'], difference: 'log-of-trust-root' },
  { policy: 'glob-tag', images: ['key', 'unsigned'], difference: 'tag-globs' },
  { policy: 'static-pass-tagged', images: ['missing'], difference: 'static-needs-no-registry' },
  { policy: 'warn-tagged', images: ['missing'], difference: 'warn-softens-everything' },
  { policy: 'broken-a', images: ['unsigned'], difference: 'broken-policies-refuse' },
  { policy: 'policy-type-not-pod', images: ['unsigned'], kinds: ['Pod'], difference: 'typemeta-of-pods' },
  { policy: 'attested-network', images: ['review'], difference: 'code-has-no-network' },
];

export function exceptionFor(policy: string, image: ImageName, kind: string): Exception | undefined {
  return exceptions.find(
    (each) => each.policy === policy && each.images.includes(image) && (each.kinds?.includes(kind) ?? true),
  );
}
