/**
 * A process with as many policies as are asked for, served as a cluster's API server does. Globs and authorities are of all
 * sorts, each key is another one; those that the images of the bench are held against are in every set.
 */
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fakeApiServer } from '../adapters/kubernetes/fake-api-server.ts';
import { answerQuestions, tell } from './child.ts';

/** `refuse`: puts a policy over everything of that repository. */
export interface Change {
  readonly about: 'refuse' | 'admit';
  readonly image: string;
}

export type Objects = readonly { readonly kind: string; readonly metadata: { readonly name: string } }[];

const [, , folder = '', wanted = '0'] = process.argv;
const api = await fakeApiServer();
const collections = {
  ClusterImagePolicy: '/apis/policy.sigstore.dev/v1alpha1/clusterimagepolicies',
  ActionPolicy: '/apis/countersign.dev/v1alpha1/actionpolicies',
  TrustRoot: '/apis/policy.sigstore.dev/v1alpha1/trustroots',
  ConfigMap: '/api/v1/namespaces/countersign-system/configmaps',
};
for (const collection of Object.values(collections)) api.create(collection);
for (let index = 0; index < Number(wanted); index += 1) {
  // One in ten is about what actions may do.
  if (index % 10 === 9) put('ActionPolicy', `actions-${index}`, actionSpec(index));
  else put('ClusterImagePolicy', `policy-${index}`, policySpec(index));
}
const kubeconfig = join(folder, `kubeconfig-${wanted}`);
writeFileSync(kubeconfig, api.kubeConfig.exportConfig());

answerQuestions(async (question: Change | { readonly about: 'add'; readonly policies: Objects }): Promise<object> => {
  switch (question.about) {
    case 'add':
      for (const { kind, metadata, ...rest } of question.policies) {
        if (kind === 'ClusterImagePolicy' || kind === 'ActionPolicy') put(kind, metadata.name, rest);
      }
      return {};
    case 'refuse':
    case 'admit':
      // One of those that are there already, so that a set keeps its size.
      put('ClusterImagePolicy', 'policy-0', {
        spec: {
          images: [{ glob: question.image }],
          authorities: [{ static: { action: question.about === 'refuse' ? 'fail' : 'pass' } }],
        },
      });
      return {};
  }
});
tell({ kubeconfig });

function put(kind: keyof typeof collections, name: string, rest: object): void {
  const apiVersion = kind === 'ActionPolicy' ? 'countersign.dev/v1alpha1' : 'policy.sigstore.dev/v1alpha1';
  api.put(collections[kind], name, { apiVersion, kind, ...rest });
}

function policySpec(index: number): object {
  const team = `team-${index % 500}`;
  const globs = [
    [`registry.example.com/${team}/app-${index}@*`, `registry.example.com/${team}/app-${index}:*`],
    [`ghcr.io/${team}/*`],
    [`quay.io/org-${index}/**`],
    [`registry.example.com/${team}/app-${index}:v1.2.3`],
    [`registry.example.com/${team}-*/release-${index}`, `registry.example.com/${team}/**/service-${index}@*`],
  ];
  return {
    spec: { images: (globs[index % globs.length] ?? []).map((glob) => ({ glob })), authorities: [authority(index)] },
  };
}

function authority(index: number): object {
  if (index % 3 === 0) {
    const subject = `https://github.com/org-${index}/app/.github/workflows/release.yaml@refs/heads/main`;
    return { keyless: { identities: [{ issuer: 'https://token.actions.githubusercontent.com', subject }] } };
  }
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { key: { data: publicKey.export({ type: 'spki', format: 'pem' }).toString() } };
}

function actionSpec(index: number): object {
  return {
    spec: {
      images: [{ glob: `registry.example.com/actions/action-${index}@*` }, { glob: `ghcr.io/actions-${index}/**` }],
      namespaces: { allow: [`team-${index % 500}`, 'shop'] },
      targets: { allow: ['shop', 'team-*'] },
      podSecurity: 'baseline',
    },
  };
}
