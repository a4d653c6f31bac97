/** A process with an OCI registry: one image signed by a key, and as many signed by it, or without keys, as are asked for. */
import { attachBundles, imageStatement, signBundleKeyless } from '../../src/demo/images/bundle.ts';
import { attachLegacy, signLegacy, simpleSigningPayload } from '../../src/demo/images/legacy.ts';
import { newSigningKey } from '../../src/demo/images/signing-key.ts';
import { pushImage } from '../../src/demo/registry/images.ts';
import { startRegistry } from '../../src/demo/registry/serve.ts';
import { githubIdentity } from '../../src/demo/sigstore/identity-token.ts';
import { startSigstore } from '../../src/demo/sigstore/sigstore.ts';
import { answerQuestions, tell } from './child.ts';
import type { BoundPart } from './pod-review.ts';

export interface Stock {
  readonly host: string;
  /** By tag. */
  readonly keyImage: string;
  readonly pinnedKeyImage: string;
  /** An image with a contract that the Pod of the bench keeps to. */
  readonly action: ActionStock;
  /** Different ones, by digest. */
  readonly keyImages: readonly string[];
  readonly keylessImages: readonly string[];
  /** Files of a policy folder. */
  readonly policies: Readonly<Record<string, string>>;
}

export interface ActionStock {
  /** By tag. */
  readonly image: string;
  readonly pinnedImage: string;
  readonly bound: BoundPart;
}

export interface RequestCount {
  readonly requests: number;
}

const registry = await startRegistry();
const sigstore = await startSigstore();
const key = newSigningKey();
const identity = githubIdentity({ repository: 'shop/web', workflow: 'release.yml', ref: 'refs/heads/main' });
const [, , keyless = '0', keyed = '0'] = process.argv;

const image = { repository: 'shop/web', ...pushImage(registry, { repository: 'shop/web', tag: '1.27.3' }) };
attachLegacy(registry, image, [signLegacy(simpleSigningPayload(registry.host, image), key)]);

const action = { repository: 'actions/web', ...pushAction('actions/web') };
attachLegacy(registry, action, [signLegacy(simpleSigningPayload(registry.host, action), key)]);

const keyImages: string[] = [];
for (let index = 0; index < Number(keyed); index += 1) {
  const repository = `shop/app-${index}`;
  const pushed = { repository, ...pushImage(registry, { repository }) };
  attachLegacy(registry, pushed, [signLegacy(simpleSigningPayload(registry.host, pushed), key)]);
  keyImages.push(`${registry.host}/${repository}@${pushed.digest}`);
}

const keylessImages: string[] = [];
for (let index = 0; index < Number(keyless); index += 1) {
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
  action: {
    image: `${registry.host}/actions/web:1.0.0`,
    pinnedImage: `${registry.host}/actions/web@${action.digest}`,
    bound: {
      annotations: {
        'countersign.dev/contract': `web@v1.0.0 ${action.digest}`,
        'countersign.dev/allowed-namespaces': 'shop,team-*',
      },
      env: [
        { name: 'ACTION_INPUTS', value: JSON.stringify({ namespace: 'shop', replicas: 3 }) },
        { name: 'ACTION_ALLOWED_NAMESPACES', value: 'shop,team-*' },
      ],
    },
  },
  keyImages,
  keylessImages,
  policies: {
    'signed-by-key.yaml': policy('signed-by-key', 'shop/**', { key: { data: key.publicKeyPem } }),
    'signed-actions.yaml': policy('signed-actions', 'actions/**', { key: { data: key.publicKeyPem } }),
    'actions.yaml': actionPolicy(),
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

function actionPolicy(): string {
  return JSON.stringify({
    apiVersion: 'countersign.dev/v1alpha1',
    kind: 'ActionPolicy',
    metadata: { name: 'actions' },
    spec: {
      images: [{ glob: `${registry.host}/actions/**` }],
      namespaces: { allow: ['shop'] },
      targets: { allow: ['shop', 'team-*'] },
      podSecurity: 'restricted',
      serviceAccounts: { from: 'Workload' },
    },
  });
}

function pushAction(repository: string): ReturnType<typeof pushImage> {
  const contract = {
    apiVersion: 'kubernaut.ai/v1alpha1',
    kind: 'ActionContract',
    metadata: { name: 'web', version: 'v1.0.0' },
    spec: {
      inputs: [
        { name: 'namespace', type: 'string', required: true },
        { name: 'replicas', type: 'integer', default: 3, minimum: 0, maximum: 50 },
      ],
      resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { cpu: '500m', memory: '512Mi' } },
      rbac: { permissions: [{ apiGroups: ['apps'], resources: ['deployments'], verbs: ['get'] }] },
      securityContext: {
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
        readOnlyRootFilesystem: true,
        runAsNonRoot: true,
      },
    },
  };
  const labels = { 'ai.kubernaut.action-contract': JSON.stringify(contract) };
  return pushImage(registry, { repository, tag: '1.0.0', labels });
}
