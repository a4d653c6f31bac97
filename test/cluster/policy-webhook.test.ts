import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasCluster } from './access.ts';
import { registerPolicies, type Registered } from './gate/installation.ts';
import { refusal } from './gate/refusal.ts';
import { startGate, type Gate } from './gate/gate.ts';
import { policyOf } from './gate/policies.ts';
import { until } from './processes.ts';

describe.runIf(hasCluster)('policies that are applied', () => {
  let gate: Gate;
  let registered: Registered;

  beforeAll(async () => {
    gate = await startGate();
    registered = await registerPolicies(gate.api, gate.webhook.url, gate.webhook.caBundle);
    const broken = policyOf('probe', 'a.example', []);
    const asked = await until(
      async () => (await refusal(gate.api.create(broken, { dryRun: true }))).webhook !== '',
      20_000,
    );
    if (!asked) throw new Error('the API server does not ask about policies');
  });
  afterAll(async () => {
    await registered?.remove();
    await gate?.close();
  });

  test('a broken one is refused with everything that is wrong with it, and is not stored', async () => {
    const broken = policyOf('broken', 'a.example', [{ key: { data: 'MIIB' } }, { name: 'empty' }], { mode: 'loud' });
    const { code, sentence } = await refusal(gate.api.apply(broken));
    expect(code).toBe(403);
    expect(sentence).toMatch(/^POLICY_INVALID: validation failed: /);
    for (const path of ['spec.mode', 'spec.authorities[0].key', 'spec.authorities[1]'])
      expect(sentence).toContain(path);
    expect(await gate.api.read(broken)).toBeUndefined();
  });

  test('a good one can be stored, changed and deleted', async () => {
    const good = policyOf('good', 'a.example', [{ static: { action: 'pass' } }]);
    await gate.api.apply(good);
    await gate.api.apply(policyOf('good', 'a.example', [{ static: { action: 'fail' } }]));
    await gate.api.remove(good);
    expect(await gate.api.read(good)).toBeUndefined();
  });
});
