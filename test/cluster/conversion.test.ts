/** ClusterImagePolicies in both versions on a real API server, converted by itself and by our webhook. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasCluster } from './access.ts';
import type { ApiObject } from './gate/api.ts';
import { startGate, type Gate } from './gate/gate.ts';
import { until } from './processes.ts';

const spec = {
  images: [{ glob: 'conversion.example/**' }],
  mode: 'enforce',
  authorities: [
    {
      name: 'log-of-a-root',
      keyless: { identities: [{ issuer: 'https://issuer.example', subject: 'me' }] },
      // What a conversion field by field loses.
      ctlog: { trustRootRef: 'own' },
      source: [],
      attestations: [],
    },
  ],
};

function policy(version: string, name = 'conversion'): ApiObject {
  return { apiVersion: `policy.sigstore.dev/${version}`, kind: 'ClusterImagePolicy', metadata: { name }, spec };
}

describe.runIf(hasCluster)('versions of ClusterImagePolicy', () => {
  let gate: Gate;
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'clusterimagepolicies.policy.sigstore.dev' },
  };

  beforeAll(async () => {
    gate = await startGate();
  });
  afterAll(async () => {
    await convertBy({ strategy: 'None' });
    for (const name of ['conversion', 'other']) await gate?.api.remove(policy('v1alpha1', name));
    await gate?.close();
  });

  async function convertBy(conversion: object): Promise<void> {
    const { spec: written } = (await gate.api.read(definition)) as { readonly spec: object };
    await gate.api.apply({ ...definition, spec: { ...written, conversion } });
  }

  function webhook(url: string): object {
    const clientConfig = { url, caBundle: gate.webhook.caBundle };
    return { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v1'], clientConfig } };
  }

  const isReadable = (): Promise<boolean> =>
    gate.api.read(policy('v1beta1')).then(
      (read) => read !== undefined,
      () => false,
    );

  async function goesThereAndBack(): Promise<void> {
    await gate.api.apply(policy('v1beta1'));
    expect(await gate.api.read(policy('v1alpha1'))).toMatchObject({ apiVersion: 'policy.sigstore.dev/v1alpha1', spec });
    expect(await gate.api.read(policy('v1beta1'))).toMatchObject({ apiVersion: 'policy.sigstore.dev/v1beta1', spec });
    await gate.api.apply(policy('v1alpha1', 'other'));
    expect(await gate.api.read(policy('v1beta1', 'other'))).toMatchObject({ spec });
  }

  test('nothing is lost when the API server converts by itself', goesThereAndBack);

  test('nothing is lost when it asks our webhook', async () => {
    await convertBy(webhook('https://127.0.0.1:1/resource-conversion'));
    // So it is the webhook that is asked.
    expect(await until(async () => !(await isReadable()), 20_000)).toBe(true);
    await convertBy(webhook(`${gate.webhook.url}/resource-conversion`));
    expect(await until(isReadable, 20_000)).toBe(true);
    await goesThereAndBack();
  });
});
