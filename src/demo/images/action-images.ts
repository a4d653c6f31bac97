/** Signed actions: the contract that says what they may do is inside the image, as a label or as a file. */
import { stringify } from 'yaml';
import { formatImageReference } from '../../kernel/image-reference.ts';
import { pushImage, type ImageSpec } from '../registry/images.ts';
import type { Bench } from './bench.ts';
import { attachLegacy, signLegacy, simpleSigningPayload, type Signable } from './legacy.ts';

export interface ActionImage {
  readonly name: string;
  /** With a tag, as a workload would write it. */
  readonly reference: string;
  readonly digest: Signable['digest'];
}

export interface ActionImages {
  /** Scales a Deployment: needs permissions, and names the namespace that it acts on. Contract in a label. */
  readonly scale: ActionImage;
  /** The same, under a policy that overrides instead of refusing. */
  readonly lenient: ActionImage;
  /** Clones a repository: needs nothing of the cluster. Contract in a file. */
  readonly clone: ActionImage;
  readonly withoutContract: ActionImage;
  readonly unsigned: ActionImage;
}

const tag = '1.0';

export function buildActionImages(bench: Bench): ActionImages {
  const labelled = { labels: { 'ai.kubernaut.action-contract': stringify(scaleContract) } };
  return {
    scale: signed(bench, 'actions/scale-deployment', labelled),
    lenient: signed(bench, 'lenient/scale-deployment', labelled),
    clone: signed(bench, 'actions/git-clone', { files: { 'action-contract.yaml': stringify(cloneContract) } }),
    withoutContract: signed(bench, 'actions/without-contract', {}),
    unsigned: pushed(bench, 'actions/unsigned', labelled),
  };
}

function signed(bench: Bench, repository: string, spec: Partial<ImageSpec>): ActionImage {
  const image = pushed(bench, repository, spec);
  const payload = simpleSigningPayload(bench.registry.host, { repository, digest: image.digest });
  attachLegacy(bench.registry, { repository, digest: image.digest }, [signLegacy(payload, bench.key)]);
  return image;
}

function pushed({ registry }: Bench, repository: string, spec: Partial<ImageSpec>): ActionImage {
  const { digest } = pushImage(registry, { repository, tag, ...spec });
  return {
    name: repository,
    reference: formatImageReference({ registry: registry.host, repository, tag }),
    digest,
  };
}

const confined = {
  runAsNonRoot: true,
  runAsUser: 1000,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
};

const scaleContract = {
  apiVersion: 'kubernaut.ai/v1alpha1',
  kind: 'ActionContract',
  metadata: { name: 'scale-deployment', version: 'v1.0.0' },
  spec: {
    description: 'Scales a Deployment',
    inputs: [
      { name: 'namespace', type: 'string', required: true, description: 'Where the Deployment is' },
      { name: 'deployment', type: 'string', required: true },
      { name: 'replicas', type: 'integer', required: false, default: 1, minimum: 0, maximum: 10 },
    ],
    outputs: [{ name: 'replicas', type: 'integer' }],
    resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '500m', memory: '128Mi' } },
    rbac: {
      permissions: [{ apiGroups: ['apps'], resources: ['deployments/scale'], verbs: ['get', 'patch'] }],
    },
    securityContext: confined,
  },
};

const cloneContract = {
  apiVersion: 'kubernaut.ai/v1alpha1',
  kind: 'ActionContract',
  metadata: { name: 'git-clone', version: 'v1.0.0' },
  spec: {
    description: 'Clone Git repository to workspace',
    inputs: [
      { name: 'repository', type: 'string', required: true, description: 'Git repository URL' },
      { name: 'branch', type: 'string', required: false, default: 'main' },
    ],
    outputs: [{ name: 'commitSHA', type: 'string', description: 'Cloned commit SHA' }],
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '500m', memory: '512Mi' } },
    rbac: { permissions: [] },
    securityContext: confined,
    shell: false,
  },
};
