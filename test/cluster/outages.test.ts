import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { verifyDecisionLog } from '../../src/adapters/decision-log/verify-decision-log.ts';
import { hang } from '../../src/demo/registry/faults.ts';
import { startRegistry } from '../../src/demo/registry/serve.ts';
import { hasCluster } from './access.ts';
import { refusal } from './gate/refusal.ts';
import { startGate, type Gate } from './gate/gate.ts';
import { signedImage } from './gate/images.ts';
import { pod, podSpec, valueAt, workloads } from './gate/workloads.ts';

describe.runIf(hasCluster)('while something is down', () => {
  let gate: Gate;

  beforeAll(async () => {
    gate = await startGate();
  });
  afterAll(() => gate?.close());

  describe('the webhook', () => {
    test('nothing is admitted, and it goes on where it was when it is back', async () => {
      const { api, key, namespace, registry, webhook } = gate;
      const { tagged, pinned } = signedImage(registry, 'acme/late', key);
      const object = pod(namespace, 'late', podSpec(tagged));
      await webhook.stop();
      const refused = await refusal(api.apply(object));
      expect(refused.sentence).toContain('failed calling webhook "mutate.countersign.dev"');
      expect(await api.read(object)).toBeUndefined();
      await webhook.start();
      expect(valueAt(await api.apply(object), 'spec.containers[0].image')).toBe(pinned);
      expect(await verifyDecisionLog([webhook.decisionLog])).toMatchObject({ verdict: 'intact' });
    });
  });

  describe('the registry', () => {
    const repository = 'acme/unlucky';

    test('that never answers makes a refusal of ours before the API server loses patience', async () => {
      const { api, key, namespace, registry } = gate;
      const { tagged } = signedImage(registry, 'acme/slow', key);
      registry.inject(/acme\/slow/, hang());
      const started = performance.now();
      expect(await refusal(api.apply(pod(namespace, 'slow', podSpec(tagged))))).toMatchObject({
        code: 503,
        webhook: 'validate.countersign.dev',
        sentence: expect.stringMatching(/^REGISTRY_TIMEOUT: /),
      });
      expect(performance.now() - started).toBeLessThan(20_000);
      registry.reset();
    });

    test('every kind is refused with the request to try again, and the next try after it is back succeeds', async () => {
      const { api, key, namespace, registry } = gate;
      const { tagged, pinned } = signedImage(registry, repository, key);
      const objects = workloads.map(({ field, ...kind }) => ({ field, object: kind.make(namespace, 'down', tagged) }));
      await registry.close();
      for (const { object } of objects) {
        expect(await refusal(api.apply(object))).toMatchObject({
          code: 503,
          reason: 'ServiceUnavailable',
          retryAfter: '2',
          sentence: expect.stringMatching(/^REGISTRY_UNREACHABLE: /),
        });
      }
      await sleep(2_000);
      const back = await startRegistry({ port: Number(registry.host.split(':')[1]) });
      try {
        signedImage(back, repository, key);
        const stored = [];
        for (const { object, field } of objects) stored.push(valueAt(await api.apply(object), field));
        expect(stored).toEqual(objects.map(() => pinned));
      } finally {
        await back.close();
      }
    });
  });
});
