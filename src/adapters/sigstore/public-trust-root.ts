/** The public-good Sigstore root: embedded for use without a network, refreshed through TUF where there is one. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { getTrustedRoot } from '@sigstore/tuf';
import { failure } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { asRecord, parseStrictJson } from '../../kernel/strict-json.ts';
import { publicTrustRoot, type TrustRoot } from '../../policy/model.ts';
import { trustRootFromJson } from '../../policy/parse-trust-root-json.ts';

const mirror = 'https://tuf-repo-cdn.sigstore.dev';

/** As shipped with the package @sigstore/tuf; its root of trust is the one of that release. */
export function embeddedPublicTrustRoot(): TrustRoot {
  const file = createRequire(import.meta.url).resolve('@sigstore/tuf/seeds.json');
  const seeds = parseStrictJson(readFileSync(file));
  const targets = asRecord(asRecord(asRecord(seeds.ok ? seeds.value : undefined)?.[mirror])?.['targets']);
  const encoded = targets?.['trusted_root.json'];
  if (typeof encoded !== 'string') throw new Error('the package @sigstore/tuf holds no trusted root');
  const root = trustRootFromJson(publicTrustRoot, Buffer.from(encoded, 'base64').toString('utf8'));
  if (!root.ok) throw new Error(`the embedded trusted root is unusable: ${root.failure.join('; ')}`);
  return root.value;
}

/** The newest root by TUF, kept in `cachePath`. Without a network: TRUST_ROOT_UNAVAILABLE, and the embedded one stays in use. */
export async function refreshPublicTrustRoot(cachePath: string, timeoutMs = 10_000): Promise<Result<TrustRoot>> {
  try {
    const root = await getTrustedRoot({ mirrorURL: mirror, cachePath, timeout: timeoutMs, retry: 0 });
    const parsed = trustRootFromJson(publicTrustRoot, JSON.stringify(TrustedRoot.toJSON(root)));
    return parsed.ok ? ok(parsed.value) : fail(unavailable(parsed.failure.join('; ')));
  } catch (error) {
    return fail(unavailable(error instanceof Error ? error.message : 'unknown error'));
  }
}

function unavailable(why: string): ReturnType<typeof failure> {
  return failure('TRUST_ROOT_UNAVAILABLE', `the public trust root could not be refreshed: ${why}`);
}
