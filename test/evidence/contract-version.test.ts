import { afterAll, beforeAll, expect, test } from 'vitest';
import { anonymous } from '../../src/adapters/registry/docker-config.ts';
import { createOciRegistry, type OciRegistry } from '../../src/adapters/registry/oci-registry.ts';
import { contractLabel, versionLabel } from '../../src/contract/contract-places.ts';
import { startRegistry, type DemoRegistry } from '../../src/demo/registry/serve.ts';
import { defaultSearchLimits } from '../../src/evidence/contract-in-layers.ts';
import { contractOfImage } from '../../src/evidence/contract-of-image.ts';
import { contractEntry, contractText, gzipLayer, push, repository, type LayeredImage } from './layered-images.ts';

let registry: DemoRegistry;
let client: OciRegistry;
beforeAll(async () => {
  registry = await startRegistry();
  client = createOciRegistry({
    insecure: [registry.host],
    ca: new Map(),
    metrics: { registryRequest: () => undefined },
  });
});
afterAll(async () => {
  await client.close();
  await registry.close();
});

async function outcome(image: LayeredImage): Promise<string> {
  const { digest } = push(registry, image);
  const options = { credentials: anonymous, signal: AbortSignal.timeout(10_000) };
  const read = await contractOfImage(
    client,
    { registry: registry.host, repository, digest },
    options,
    defaultSearchLimits,
  );
  if (!read.ok) return `${read.failure.code}: ${read.failure.message}`;
  return read.value?.contract.version.text ?? 'none';
}

const own = contractText();
const written = /version: (\S+)/.exec(own)?.[1] ?? '';
const bare = written.replace(/^v/, '');

test.each([
  ['the same version', bare],
  ['the same with a leading v', `v${bare}`],
  ['the same with build metadata', `${bare}+build.7`],
  ['a version that is no semver, as of a base image', '24.04'],
  ['no text', 7],
  ['no label', undefined],
])('a contract belongs to an image with %s', async (_title, version) => {
  expect(await outcome({ labels: { [contractLabel]: own, [versionLabel]: version } })).toBe(written);
  expect(await outcome({ labels: { [versionLabel]: version }, layers: [gzipLayer(contractEntry())] })).toBe(written);
});

test.each([['9.9.9'], ['v9.9.9'], [`${bare}-rc.1`]])(
  'a contract is of no use in an image of version %s',
  async (version) => {
    const refused = `CONTRACT_INVALID: .*its version ${written} is not the image's, ${version} by label ${versionLabel}`;
    expect(await outcome({ labels: { [contractLabel]: own, [versionLabel]: version } })).toMatch(new RegExp(refused));
    expect(await outcome({ labels: { [versionLabel]: version }, layers: [gzipLayer(contractEntry())] })).toMatch(
      new RegExp(refused),
    );
  },
);
