import { beforeEach, describe, expect, test } from 'vitest';
import { createImageConfigs } from '../../src/evidence/image-configs.ts';
import { digestOf, type Digest } from '../../src/kernel/digest.ts';
import { failure } from '../../src/kernel/failure.ts';
import { ok } from '../../src/kernel/result.ts';
import { FakeRegistry } from '../fakes/registry.ts';

const never = new AbortController().signal;
const somebody = { id: 'somebody', forHost: async () => ok(undefined) };
const imageType = 'application/vnd.oci.image.manifest.v1+json';

let registry: FakeRegistry;
beforeEach(() => {
  registry = new FakeRegistry();
});

type Platform = { readonly os: string; readonly architecture: string; readonly variant?: string };

function addImage(config: unknown, size?: number): Digest {
  const bytes = Buffer.from(typeof config === 'string' ? config : JSON.stringify(config));
  const mediaType = 'application/vnd.oci.image.config.v1+json';
  const descriptor = { mediaType, digest: registry.putBlob(bytes), size: size ?? bytes.length };
  return registry.putManifest({ schemaVersion: 2, mediaType: imageType, config: descriptor, layers: [] });
}

function addIndex(entries: readonly (readonly [Digest, Platform?])[]): Digest {
  const manifests = entries.map(([digest, platform]) => ({ mediaType: imageType, digest, size: 1, platform }));
  return registry.putManifest({ schemaVersion: 2, manifests });
}

const of = (digest: Digest) => ({ registry: 'registry.example', repository: 'app', digest });
const linux = (architecture: string, more: object = {}) => ({
  os: 'linux',
  architecture,
  config: { User: '1000' },
  ...more,
});

async function read(digest: Digest) {
  return createImageConfigs(registry, 5)(of(digest), somebody, never);
}

describe('configurations by platform', () => {
  test('of an image', async () => {
    expect(await read(addImage(linux('amd64')))).toEqual(ok({ 'linux/amd64': linux('amd64') }));
  });

  test('of every platform of an index, also of an index in it', async () => {
    const inner = addIndex([[addImage(linux('arm', { variant: 'v7' }))]]);
    const index = addIndex([[addImage(linux('amd64')), { os: 'linux', architecture: 'amd64' }], [inner]]);
    const found = await read(index);
    expect(found.ok && Object.keys(found.value)).toEqual(['linux/amd64', 'linux/arm/v7']);
  });

  test('with the version of Windows', async () => {
    const windows = { os: 'windows', architecture: 'amd64', 'os.version': '10.0.17763.1' };
    expect(await read(addImage(windows))).toMatchObject({ value: { 'windows/amd64:10.0.17763.1': windows } });
  });

  test('without attestations of BuildKit', async () => {
    const unknown = { os: 'unknown', architecture: 'unknown' };
    const index = addIndex([[addImage(linux('amd64'))], [addImage({}), unknown]]);
    const found = await read(index);
    expect(found.ok && Object.keys(found.value)).toEqual(['linux/amd64']);
  });

  test('two of one platform are both there', async () => {
    const second = addImage(linux('amd64', { config: { User: 'root' } }));
    const found = await read(addIndex([[addImage(linux('amd64'))], [second]]));
    expect(found.ok && Object.keys(found.value)).toEqual(['linux/amd64', `linux/amd64@${second}`]);
  });

  test('are asked for once', async () => {
    const configs = createImageConfigs(registry, 5);
    const digest = addImage(linux('amd64'));
    await Promise.all(Array.from({ length: 10 }, () => configs(of(digest), somebody, never)));
    await configs(of(digest), somebody, never);
    expect(registry.calls).toHaveLength(2);
  });

  test('are not shown to whom the registry does not show them', async () => {
    const configs = createImageConfigs(registry, 5);
    const digest = addImage(linux('amd64'));
    await configs(of(digest), somebody, never);
    registry.broken = failure('REGISTRY_DENIED', 'not yours');
    const answer = await configs(of(digest), { ...somebody, id: 'another' }, never);
    expect(answer).toMatchObject({ ok: false, failure: { code: 'REGISTRY_DENIED' } });
  });
});

describe('configurations that cannot be had', () => {
  test.each<[string, () => Digest, string]>([
    ['no such image', () => digestOf('nothing'), 'IMAGE_NOT_FOUND'],
    ['no such platform', () => addIndex([[digestOf('nothing')]]), 'IMAGE_NOT_FOUND'],
    ['a configuration that is no JSON', () => addImage('<html>'), 'POLICY_UNSATISFIED'],
    ['a configuration that is a list', () => addImage([]), 'POLICY_UNSATISFIED'],
    ['a key that occurs twice', () => addImage('{"os":"linux","os":"windows"}'), 'POLICY_UNSATISFIED'],
    ['a manifest that is no manifest', () => registry.putManifest({}), 'POLICY_UNSATISFIED'],
    ['a configuration of 100 MB', () => addImage(linux('amd64'), 100_000_000), 'POLICY_LIMIT_EXCEEDED'],
    [
      '33 platforms',
      () => addIndex(Array.from({ length: 33 }, (_, at) => [addImage(linux(`a${at}`))])),
      'POLICY_LIMIT_EXCEEDED',
    ],
    [
      'five indexes in each other',
      () => addIndex([[addIndex([[addIndex([[addIndex([[addImage({})]])]])]])]]),
      'POLICY_LIMIT_EXCEEDED',
    ],
  ])('%s', async (_name, arrange, code) => {
    const digest = arrange();
    expect(await read(digest)).toMatchObject({ ok: false, failure: { code } });
  });

  test('what is too much is not read', async () => {
    await read(addImage(linux('amd64'), 100_000_000));
    expect(registry.calls.filter((call) => call.startsWith('blob'))).toEqual([]);
  });

  test('32 platforms are read', async () => {
    const found = await read(addIndex(Array.from({ length: 32 }, (_, at) => [addImage(linux(`a${at}`))])));
    expect(found.ok && Object.keys(found.value)).toHaveLength(32);
  });

  test('a registry that is down is asked again', async () => {
    const configs = createImageConfigs(registry, 5);
    const digest = addImage(linux('amd64'));
    registry.broken = failure('REGISTRY_UNREACHABLE', 'down');
    expect(await configs(of(digest), somebody, never)).toMatchObject({ failure: { code: 'REGISTRY_UNREACHABLE' } });
    registry.broken = undefined;
    expect(await configs(of(digest), { ...somebody, id: 'another' }, never)).toMatchObject({ ok: true });
  });
});
