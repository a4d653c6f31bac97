/** A process with an OCI registry: one image signed by a key, and as many signed without keys as are asked for. */
import { attachBundles, imageStatement, signBundleKeyless } from '../../src/demo/images/bundle.ts';
import { attachLegacy, signLegacy, simpleSigningPayload } from '../../src/demo/images/legacy.ts';
import { newSigningKey } from '../../src/demo/images/signing-key.ts';
import { pushImage } from '../../src/demo/registry/images.ts';
import { startRegistry } from '../../src/demo/registry/serve.ts';
import { githubIdentity } from '../../src/demo/sigstore/identity-token.ts';
import { startSigstore } from '../../src/demo/sigstore/sigstore.ts';
import { answerQuestions, tell } from './child.ts';

export interface Stock {
  readonly host: string;
  /** By tag. */
  readonly keyImage: string;
  readonly pinnedKeyImage: string;
  /** By digest. */
  readonly keylessImages: readonly string[];
  /** Files of a policy folder. */
  readonly policies: Readonly<Record<string, string>>;
}

export interface RequestCount {
  readonly requests: number;
}

const registry = await startRegistry();
const sigstore = await startSigstore();
const key = newSigningKey();
const identity = githubIdentity({ repository: 'shop/web', workflow: 'release.yml', ref: 'refs/heads/main' });
const [, , wanted = '0'] = process.argv;

const image = { repository: 'shop/web', ...pushImage(registry, { repository: 'shop/web', tag: '1.27.3' }) };
attachLegacy(registry, image, [signLegacy(simpleSigningPayload(registry.host, image), key)]);

const keylessImages: string[] = [];
for (let index = 0; index < Number(wanted); index += 1) {
  const repository = `keyless/app-${index}`;
  const pushed = { repository, ...pushImage(registry, { repository }) };
  attachBundles(registry, pushed, [await signBundleKeyless(imageStatement(pushed.digest), { sigstore, identity })]);
  keylessImages.push(`${registry.host}/${repository}@${pushed.digest}`);
}
await sigstore.close();
registry.reset();

const stock: Stock = {
  host: registry.host,
  keyImage: `${registry.host}/shop/web:1.27.3`,
  pinnedKeyImage: `${registry.host}/shop/web@${image.digest}`,
  keylessImages,
  policies: {
    'signed-by-key.yaml': policy('signed-by-key', 'shop/**', { key: { data: key.publicKeyPem } }),
    'signed-by-workflow.yaml': policy('signed-by-workflow', 'keyless/**', {
      keyless: { identities: [{ issuer: identity.issuer, subject: identity.subject }], trustRootRef: 'offline' },
    }),
    'offline.json': sigstore.trustedRootJson,
  },
};
answerQuestions(async (): Promise<RequestCount> => ({ requests: registry.requests().total }));
tell(stock);

/** JSON is YAML. */
function policy(name: string, glob: string, authority: object): string {
  return JSON.stringify({
    apiVersion: 'policy.sigstore.dev/v1beta1',
    kind: 'ClusterImagePolicy',
    metadata: { name },
    spec: { images: [{ glob: `${registry.host}/${glob}` }], authorities: [{ name: 'only', ...authority }] },
  });
}
