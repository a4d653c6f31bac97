import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterPolicies } from '../../src/adapters/policies/custom-resources.ts';
import { watchPolicies } from '../../src/adapters/policies/directory.ts';
import { fakeApiServer } from '../adapters/kubernetes/fake-api-server.ts';
import { embeddedRoot, policiesContract, silentLog, type Kind } from './policies.ts';

const apiVersions = {
  ClusterImagePolicy: 'policy.sigstore.dev/v1beta1',
  TrustRoot: 'policy.sigstore.dev/v1alpha1',
  Secret: 'v1',
};

policiesContract('a folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'policies-'));
  const file = (kind: Kind, name: string): string => join(folder, `${kind}-${name}.yaml`.toLowerCase());
  return {
    put: (kind, name, members) =>
      writeFile(
        file(kind, name),
        JSON.stringify({ apiVersion: apiVersions[kind], kind, metadata: { name }, ...members }),
      ),
    remove: (kind, name) => rm(file(kind, name)),
    start: () =>
      watchPolicies({
        paths: [folder],
        noMatch: 'deny',
        publicTrustRoot: embeddedRoot,
        log: silentLog,
        pollMs: 200,
        settleMs: 20,
      }),
    close: () => rm(folder, { recursive: true }),
  };
});

policiesContract('the cluster', async () => {
  const server = await fakeApiServer();
  const collections = {
    ClusterImagePolicy: '/apis/policy.sigstore.dev/v1alpha1/clusterimagepolicies',
    TrustRoot: '/apis/policy.sigstore.dev/v1alpha1/trustroots',
    Secret: '/api/v1/namespaces/countersign-system/secrets',
  };
  server.create(collections.ClusterImagePolicy);
  server.create(collections.TrustRoot);
  server.create('/apis/countersign.dev/v1alpha1/actionpolicies');
  server.create('/api/v1/namespaces/countersign-system/configmaps');
  return {
    put: (kind, name, members) => {
      server.put(collections[kind], name, { apiVersion: apiVersions[kind], kind, ...members });
      return Promise.resolve();
    },
    remove: (kind, name) => {
      server.remove(collections[kind], name);
      return Promise.resolve();
    },
    start: () =>
      Promise.resolve(
        clusterPolicies({
          kubeConfig: server.kubeConfig,
          systemNamespace: 'countersign-system',
          noMatch: 'deny',
          publicTrustRoot: embeddedRoot,
          log: silentLog,
          timing: { settle: 10, secrets: 50, pauses: { first: 10, longest: 50 } },
        }),
      ),
    close: () => server.close(),
  };
});
