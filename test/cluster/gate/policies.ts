import type { SigningKey } from '../../../src/demo/images/signing-key.ts';
import type { ApiObject } from './api.ts';

/** All images of the host must be signed with the key. */
export function keyPolicy(name: string, host: string, { publicKeyPem }: Pick<SigningKey, 'publicKeyPem'>): ApiObject {
  return policyOf(name, host, [{ name: 'release-key', key: { data: publicKeyPem } }]);
}

export function policyOf(name: string, host: string, authorities: readonly object[], more: object = {}): ApiObject {
  return {
    apiVersion: 'policy.sigstore.dev/v1beta1',
    kind: 'ClusterImagePolicy',
    metadata: { name },
    spec: { images: [{ glob: `${host}/**` }], authorities, ...more },
  };
}
