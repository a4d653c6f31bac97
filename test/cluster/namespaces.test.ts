import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasCluster } from './access.ts';
import { refusal } from './gate/refusal.ts';
import { optedIn, startGate, type Gate } from './gate/gate.ts';
import { unsignedImage, type PushedImage } from './gate/images.ts';
import { pod, podSpec, valueAt } from './gate/workloads.ts';

describe.runIf(hasCluster)('a namespace', () => {
  let gate: Gate;
  let unsigned: PushedImage;

  beforeAll(async () => {
    gate = await startGate();
    unsigned = unsignedImage(gate.registry, 'acme/unsigned');
  });
  afterAll(() => gate?.close());

  async function createIn(labels: Readonly<Record<string, string>>): Promise<unknown> {
    const namespace = await gate.api.namespace(labels);
    return gate.api.create(pod(namespace, 'plain', podSpec(unsigned.tagged)));
  }

  test.each([
    ['has not opted in', {}],
    ['has opted in with another value', { 'policy.sigstore.dev/include': 'false' }],
    ['has opted out', { ...optedIn, 'policy.sigstore.dev/exclude': 'true' }],
    ['has opted out with any value', { ...optedIn, 'policy.sigstore.dev/exclude': '' }],
  ])('that %s is not judged, and its objects are stored as written', async (_name, labels) => {
    expect(valueAt(await createIn(labels), 'spec.containers[0].image')).toBe(unsigned.tagged);
    expect(gate.registry.requests().total).toBe(0);
  });

  test('that has opted in is judged', async () => {
    expect(await refusal(createIn(optedIn))).toMatchObject({ code: 403, webhook: 'validate.countersign.dev' });
  });

  test('that opts in later is judged from then on', async () => {
    const name = await gate.api.namespace({});
    await gate.api.create(pod(name, 'before', podSpec(unsigned.tagged)));
    await gate.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: optedIn } });
    expect(await refusal(gate.api.create(pod(name, 'after', podSpec(unsigned.tagged))))).toMatchObject({ code: 403 });
  });
});
