import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newSigningKey } from '../../src/demo/images/signing-key.ts';
import { hasCluster } from './access.ts';
import type { ApiObject } from './gate/api.ts';
import { refusal } from './gate/refusal.ts';
import { startGate, type Gate } from './gate/gate.ts';
import { signedImage, unsignedImage, type PushedImage } from './gate/images.ts';
import { keyPolicy, policyOf } from './gate/policies.ts';
import { pod, podSpec } from './gate/workloads.ts';
import { until } from './processes.ts';

describe.runIf(hasCluster)('policies of the cluster', () => {
  let gate: Gate;
  let signed: PushedImage;
  let unsigned: PushedImage;

  beforeAll(async () => {
    gate = await startGate();
    signed = signedImage(gate.registry, 'acme/signed', gate.key);
    unsigned = unsignedImage(gate.registry, 'acme/unsigned');
  });
  afterAll(() => gate?.close());

  const trial = ({ tagged }: PushedImage): Promise<unknown> =>
    gate.api.create(pod(gate.namespace, 'trial', podSpec(tagged)), { dryRun: true });
  const isAdmitted = async (image: PushedImage): Promise<boolean> =>
    trial(image).then(
      () => true,
      () => false,
    );
  const becomes = (condition: () => Promise<boolean>): Promise<boolean> => until(condition, 10_000);

  async function problems(): Promise<number> {
    const { text } = await gate.webhook.get('/metrics');
    return Number(/^countersign_policy_problems (\d+)$/m.exec(text)?.[1]);
  }

  describe('a broken policy over a good one', () => {
    const identity = { issuer: 'https://issuer.example', subjectRegExp: '(' };
    // All of them fit the schema of the resource definition.
    test.each<[string, readonly object[], object?]>([
      ['a key that is none', [{ key: { data: 'MIIB' } }]],
      ['an expression that is none', [{ keyless: { identities: [identity] } }]],
      ['an authority without demands', [{ name: 'empty' }]],
      ['an unknown mode', [{ static: { action: 'pass' } }], { mode: 'perhaps' }],
      ['no images', [{ static: { action: 'pass' } }], { images: [] }],
    ])('with %s changes no verdict and is reported until it is repaired', async (_name, authorities, changes) => {
      await gate.api.apply(policyOf('apps', gate.registry.host, authorities, changes));
      expect(await becomes(async () => (await problems()) === 1)).toBe(true);
      const { status, text } = await gate.webhook.get('/readyz');
      expect([status, text]).toEqual([200, expect.stringContaining('ClusterImagePolicy/apps')]);
      expect(await becomes(async () => gate.webhook.log().includes('ClusterImagePolicy/apps'))).toBe(true);
      expect([await isAdmitted(signed), await isAdmitted(unsigned)]).toEqual([true, false]);

      await gate.api.apply(gate.policy);
      expect(await becomes(async () => (await problems()) === 0)).toBe(true);
      expect([await isAdmitted(signed), await isAdmitted(unsigned)]).toEqual([true, false]);
    });
  });

  test('a changed key is in force within moments, for images that were verified before too', async () => {
    const other = newSigningKey();
    expect(await isAdmitted(signed)).toBe(true);
    await gate.api.apply(keyPolicy('apps', gate.registry.host, other));
    expect(await becomes(async () => !(await isAdmitted(signed)))).toBe(true);
    expect(await isAdmitted(signedImage(gate.registry, 'acme/by-other', other))).toBe(true);
    await gate.api.apply(gate.policy);
    expect(await becomes(() => isAdmitted(signed))).toBe(true);
  });

  test.each<[string, (host: string) => ApiObject, RegExp]>([
    ['that is not satisfied', (host) => keyPolicy('second', host, newSigningKey()), /^SIGNATURE_INVALID: .*second/],
    [
      'whose key is not there',
      (host) => policyOf('second', host, [{ key: { secretRef: { name: 'not-there' } } }]),
      /^POLICY_NOT_READY: .*second/,
    ],
  ])('a second policy %s refuses what the first admits, and is named', async (_name, make, sentence) => {
    const second = make(gate.registry.host);
    await gate.api.apply(second);
    try {
      expect(await becomes(async () => !(await isAdmitted(signed)))).toBe(true);
      expect(await refusal(trial(signed))).toMatchObject({ code: 403, sentence: expect.stringMatching(sentence) });
    } finally {
      await gate.api.remove(second);
    }
    expect(await becomes(() => isAdmitted(signed))).toBe(true);
  });

  test('an image that no policy names is refused', async () => {
    await gate.api.remove(gate.policy);
    try {
      expect(await becomes(async () => !(await isAdmitted(signed)))).toBe(true);
      const { sentence } = await refusal(trial(signed));
      expect(sentence).toMatch(/^NO_MATCHING_POLICY: /);
    } finally {
      await gate.api.apply(gate.policy);
    }
    expect(await becomes(() => isAdmitted(signed))).toBe(true);
  });

  test('a Secret of the system namespace may hold the key', async () => {
    const secret: ApiObject = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'release-key', namespace: 'countersign-system' },
      stringData: { 'cosign.pub': gate.key.publicKeyPem },
    };
    const named = policyOf('apps', gate.registry.host, [
      { name: 'from-secret', key: { secretRef: { name: 'release-key' } } },
    ]);
    await gate.api.apply(named);
    try {
      expect(await becomes(async () => !(await isAdmitted(signed)))).toBe(true);
      await gate.api.apply(secret);
      expect(await becomes(() => isAdmitted(signed))).toBe(true);
      expect(await isAdmitted(unsigned)).toBe(false);
    } finally {
      await gate.api.apply(gate.policy);
      await gate.api.remove(secret);
    }
  });
});
