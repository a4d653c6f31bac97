import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { hasCluster } from './access.ts';
import { startGate, type Gate } from './gate/gate.ts';
import { signedImage } from './gate/images.ts';
import { deployment, pod, podSpec, workloads } from './gate/workloads.ts';

describe.runIf(hasCluster)('requests to the registry, for both webhooks together', () => {
  let gate: Gate;

  beforeAll(async () => {
    gate = await startGate();
  });
  beforeEach(() => gate.registry.reset());
  afterAll(() => gate?.close());

  /** In the order in which they came; resolving the tag is one of them. */
  const asked = (): readonly string[] => gate.registry.log().map(({ method, path }) => `${method} ${path}`);

  test('an image in eight containers of a Pod costs four, once', async () => {
    const { tagged } = signedImage(gate.registry, 'acme/eight', gate.key);
    const containers = Array.from({ length: 8 }, (_, n) => ({ name: `c${n}`, image: tagged }));
    const create = (name: string): Promise<unknown> =>
      gate.api.create(pod(gate.namespace, name, { ...podSpec(tagged), containers }));
    await create('cold');
    expect(asked().slice(4)).toEqual([]);
    gate.registry.reset();
    await create('warm');
    expect(asked()).toEqual([]);
  });

  test('fifty Pods at the same moment cost as much as one', async () => {
    const { tagged } = signedImage(gate.registry, 'acme/fifty', gate.key);
    const create = (_: unknown, n: number): Promise<unknown> =>
      gate.api.create(pod(gate.namespace, `burst-${n}`, podSpec(tagged)));
    await Promise.all(Array.from({ length: 50 }, create));
    expect(asked().slice(4)).toEqual([]);
  });

  test('one image in every kind costs as much as in one', async () => {
    const { tagged } = signedImage(gate.registry, 'acme/kinds', gate.key);
    await Promise.all(workloads.map(({ make }) => gate.api.apply(make(gate.namespace, 'same', tagged))));
    await gate.api.apply(deployment(gate.namespace, 'other', 5, podSpec(tagged)));
    expect(asked().slice(4)).toEqual([]);
  });
});
