/** Images with contracts, and policies for them. */
import { signed, runnableImage, type PushedImage } from './images.ts';
import type { ApiObject } from './api.ts';
import type { Gate } from './gate.ts';

const contractLabel = 'ai.kubernaut.action-contract';

/** A contract with other members of its spec. */
export function contractOf(name: string, spec: object = {}): object {
  return {
    apiVersion: 'kubernaut.ai/v1alpha1',
    kind: 'ActionContract',
    metadata: { name, version: 'v1.2.0' },
    spec: {
      description: 'An action of a test',
      inputs: [{ name: 'replicas', type: 'integer', default: 2, maximum: 5 }],
      resources: { requests: { cpu: '50m', memory: '16Mi' }, limits: { cpu: '200m', memory: '64Mi' } },
      rbac: { permissions: [] },
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 1000,
        runAsGroup: 1000,
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
      ...spec,
    },
  };
}

/** A signed image that runs `command`, with this contract in its label. */
export function actionImage(
  { registry, key }: Gate,
  repository: string,
  contract: object,
  command: readonly string[] = ['true'],
): PushedImage {
  const labels = { [contractLabel]: JSON.stringify(contract) };
  return signed(registry, repository, runnableImage(registry, repository, command, { labels }), key);
}

export function actionPolicy(name: string, glob: string, spec: object = {}): ApiObject {
  return {
    apiVersion: 'countersign.dev/v1alpha1',
    kind: 'ActionPolicy',
    metadata: { name },
    spec: { images: [{ glob }], ...spec },
  };
}
