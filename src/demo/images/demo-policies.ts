import { stringify } from 'yaml';
import type { Bench, PolicyName } from './bench.ts';

/** A file for a folder of policies. */
export interface PolicyFile {
  readonly name: string;
  readonly text: string;
}

/** Trust roots are named after their files. */
const sigstoreRoot = 'demo-sigstore';
const rootWithoutLog = 'demo-sigstore-without-log';

/** The policies that demo images are judged under: one per repository prefix, and nothing else is admitted. */
export function demoPolicies(bench: Bench): readonly PolicyFile[] {
  const policy = (name: PolicyName | 'actions' | 'lenient', authority: object): object => ({
    apiVersion: 'policy.sigstore.dev/v1beta1',
    kind: 'ClusterImagePolicy',
    metadata: { name: `demo-${name}` },
    spec: { images: [{ glob: `${bench.registry.host}/${name}/**` }], authorities: [authority] },
  });
  const { issuer, subject } = bench.identity;
  const identities = [{ issuer, subject }];
  const policies = [
    policy('key', { name: 'release-key', key: { data: bench.key.publicKeyPem } }),
    policy('keyless', { name: 'release-workflow', keyless: { identities, trustRootRef: sigstoreRoot } }),
    policy('timestamped', {
      name: 'release-workflow',
      keyless: { identities, trustRootRef: sigstoreRoot },
      rfc3161timestamp: { trustRootRef: sigstoreRoot },
    }),
    policy('actions', { name: 'release-key', key: { data: bench.key.publicKeyPem } }),
    policy('lenient', { name: 'release-key', key: { data: bench.key.publicKeyPem } }),
    actionPolicy(bench, 'actions', 'Deny'),
    actionPolicy(bench, 'lenient', 'Override'),
    policy('current-time', { name: 'release-workflow', keyless: { identities, trustRootRef: rootWithoutLog } }),
  ];
  return [
    { name: 'policies.yaml', text: policies.map((document) => stringify(document)).join('---\n') },
    { name: `${sigstoreRoot}.json`, text: bench.sigstore.trustedRootJson },
    { name: `${rootWithoutLog}.json`, text: bench.sigstore.trustedRootWithoutLogJson },
  ];
}

function actionPolicy({ registry }: Bench, name: string, onConflict: 'Deny' | 'Override'): object {
  return {
    apiVersion: 'countersign.dev/v1alpha1',
    kind: 'ActionPolicy',
    metadata: { name: `demo-${name}` },
    spec: {
      images: [{ glob: `${registry.host}/${name}/**` }],
      namespaces: { allow: ['demo', 'kubernaut-*'] },
      targets: { allow: ['production', 'team-*'] },
      contract: { required: true, onConflict },
      podSecurity: 'restricted',
    },
  };
}
