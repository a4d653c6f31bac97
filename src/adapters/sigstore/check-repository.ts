import type { TrustRootCheck } from '../../ports/trust-root-check.ts';
import { readTrustRoot } from './read-trust-root.ts';

/** Of `spec.repository` alone, which is there as a whole: a mirror may be away when its TrustRoot is written. */
export const repositoryCheck: TrustRootCheck = {
  async problemOf({ name, source }) {
    if (source?.kind !== 'repository') return undefined;
    const read = await readTrustRoot(name, source, { known: new Map(), addresses: 'no-local', timeoutMs: 1_000 });
    return read.ok ? undefined : read.failure.message;
  },
};
