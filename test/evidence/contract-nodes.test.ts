import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { anonymous } from '../../src/adapters/registry/docker-config.ts';
import { createOciRegistry, type OciRegistry } from '../../src/adapters/registry/oci-registry.ts';
import { startRegistry, type DemoRegistry } from '../../src/demo/registry/serve.ts';
import { createContracts } from '../../src/evidence/contracts.ts';
import type { NodePlatform } from '../../src/ports/pull-credentials.ts';
import { contractText, labelled, push, pushIndex, repository, type Pushed } from './layered-images.ts';

let registry: DemoRegistry;
let client: OciRegistry;
let index: Pushed;
beforeAll(async () => {
  registry = await startRegistry();
  client = createOciRegistry({
    insecure: [registry.host],
    ca: new Map(),
    metrics: { registryRequest: () => undefined },
  });
  const of = (name: string): Pushed => push(registry, labelled(contractText(name)));
  index = pushIndex(registry, [
    ['linux/amd64', of('for-amd64')],
    ['linux/arm64/v8', of('for-arm64')],
    ['windows/amd64', of('for-windows')],
  ]);
});
afterAll(async () => {
  await client.close();
  await registry.close();
});

async function outcome(contracts: ReturnType<typeof createContracts>, nodes?: NodePlatform): Promise<string> {
  const image = { registry: registry.host, repository, digest: index.digest };
  const found = await contracts(image, anonymous, nodes);
  return found.ok ? (found.value?.contract.name ?? 'none') : `${found.failure.code}: ${found.failure.message}`;
}

const fresh = (): ReturnType<typeof createContracts> =>
  createContracts({ registry: client, metrics: { cache: () => undefined } });

describe('an index whose platforms have different contracts', () => {
  test.each<[NodePlatform, string]>([
    [{ os: 'linux', architecture: 'amd64' }, 'for-amd64'],
    [{ architecture: 'arm64' }, 'for-arm64'],
    [{ os: 'windows' }, 'for-windows'],
  ])('has the one of the nodes that the Pod selects: %o', async (nodes, name) => {
    expect(await outcome(fresh(), nodes)).toBe(name);
  });

  test.each<[string, NodePlatform | undefined, string]>([
    ['the Pod may run anywhere', undefined, 'platforms must have the same one'],
    ['several of the selected nodes disagree', { os: 'linux' }, 'platforms must have the same one'],
    ['another part of it fits several', { architecture: 'amd64' }, 'platforms must have the same one'],
    ['no platform is for the selected nodes', { architecture: 's390x' }, 'for any platform that it can run on'],
    ['no platform is both', { os: 'windows', architecture: 'arm64' }, 'for any platform that it can run on'],
  ])('has none when %s', async (_title, nodes, why) => {
    const found = await outcome(fresh(), nodes);
    expect(found).toMatch(/^CONTRACT_INVALID: /);
    expect(found).toContain(why);
  });

  test('what one Pod was told is not told to a Pod of other nodes', async () => {
    const contracts = fresh();
    expect(await outcome(contracts, { architecture: 'arm64' })).toBe('for-arm64');
    expect(await outcome(contracts, { os: 'windows' })).toBe('for-windows');
    expect(await outcome(contracts)).toMatch(/^CONTRACT_INVALID: /);
    registry.reset();
    expect(await outcome(contracts, { architecture: 'arm64' })).toBe('for-arm64');
    expect(registry.requests().total).toBe(0);
  });
});
