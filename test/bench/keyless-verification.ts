/** Verification of a keyless bundle, beside plain @sigstore/verify on the same bundle with the same trust root. */
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import { imageStatement, signBundleKeyless } from '../../src/demo/images/bundle.ts';
import { githubIdentity } from '../../src/demo/sigstore/identity-token.ts';
import { startSigstore } from '../../src/demo/sigstore/sigstore.ts';
import { digestOf } from '../../src/kernel/digest.ts';
import { trustRootFromJson } from '../../src/policy/parse-trust-root-json.ts';
import type { CertificateQuestion } from '../../src/policy/question.ts';
import { verifySignature } from '../../src/verification/verify-signature.ts';
import { percent, perSecond, type Section } from './report.ts';
import { race } from './statistics.ts';

const count = 50;

export async function measureKeylessVerification(): Promise<Section> {
  const { bundles, trustedRootJson } = await sign();
  const parsed = trustRootFromJson('bench', trustedRootJson);
  if (!parsed.ok) throw new Error(parsed.failure.join('; '));
  const root = parsed.value;
  const trust: CertificateQuestion = {
    kind: 'certificate',
    root,
    sct: 'required',
    log: { demand: 'required', root },
    identities: [],
  };
  const now = new Date();
  const library = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(trustedRootJson))));

  const pair = race(
    () => {
      const good = bundles.filter(({ artifact, digest }) => verifySignature(artifact, digest, trust, now).verified);
      if (good.length !== count) throw new Error('a good bundle was refused');
    },
    () => {
      for (const { artifact } of bundles) {
        library.verify(toSignedEntity(bundleFromJSON(JSON.parse(Buffer.from(artifact.bundle).toString()))));
      }
    },
    count,
  );
  return {
    name: 'keyless verification',
    figures: pair,
    rows: [
      {
        what: 'keyless bundles verified (beside: @sigstore/verify alone)',
        ours: perSecond(pair.ours),
        beside: `${perSecond(pair.theirs)}, of which ours is ${percent(pair.ratio)}`,
      },
    ],
  };
}

async function sign(): Promise<{
  readonly bundles: readonly {
    readonly digest: ReturnType<typeof digestOf>;
    readonly artifact: Awaited<ReturnType<typeof signBundleKeyless>>;
  }[];
  readonly trustedRootJson: string;
}> {
  const sigstore = await startSigstore();
  try {
    const identity = githubIdentity({ repository: 'shop/web', workflow: 'release.yml', ref: 'refs/heads/main' });
    const bundles = [];
    for (let index = 0; index < count; index += 1) {
      const digest = digestOf(`image ${index}`);
      bundles.push({ digest, artifact: await signBundleKeyless(imageStatement(digest), { sigstore, identity }) });
    }
    return { bundles, trustedRootJson: sigstore.trustedRootJson };
  } finally {
    await sigstore.close();
  }
}
