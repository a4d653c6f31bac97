import { randomBytes } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { anonymous } from '../../src/adapters/registry/docker-config.ts';
import { createOciRegistry, type OciRegistry } from '../../src/adapters/registry/oci-registry.ts';
import { contractLabel } from '../../src/contract/contract-places.ts';
import { status, truncated } from '../../src/demo/registry/faults.ts';
import { startRegistry, type DemoRegistry } from '../../src/demo/registry/serve.ts';
import { defaultSearchLimits, type SearchLimits } from '../../src/evidence/contract-in-layers.ts';
import { contractOfImage, type ImageContract } from '../../src/evidence/contract-of-image.ts';
import { digestOf, hexOf } from '../../src/kernel/digest.ts';
import type { Result } from '../../src/kernel/result.ts';
import { tar } from '../contract/tar-kit.ts';
import {
  absentLayer,
  contractEntry,
  contractText,
  dockerLayer,
  gzipLayer,
  labelled,
  ociLayer,
  plainLayer,
  push,
  pushIndex,
  repository,
  zstdLayer,
  type Layer,
  type LayeredImage,
  type Pushed,
} from './layered-images.ts';

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
beforeEach(() => {
  registry.reset();
});

type Answer = Result<ImageContract | undefined>;

async function read({ digest }: Pick<Pushed, 'digest'>, limits: SearchLimits = defaultSearchLimits): Promise<Answer> {
  const options = { credentials: anonymous, signal: AbortSignal.timeout(10_000) };
  return contractOfImage(client, { registry: registry.host, repository, digest }, options, limits);
}

function reading(image: LayeredImage, limits?: SearchLimits): Promise<Answer> {
  return read(push(registry, image), limits);
}

function contractNamed(name: string): unknown {
  return { ok: true, value: expect.objectContaining({ contract: expect.objectContaining({ name }) }) };
}

function invalid(...words: readonly string[]): unknown {
  const pattern = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*');
  return { ok: false, failure: { code: 'CONTRACT_INVALID', message: expect.stringMatching(pattern) } };
}

const none = { ok: true, value: undefined };
const file = contractEntry();
const other = { name: 'etc/hosts', content: 'x'.repeat(2_000) };

describe('a contract is found', () => {
  test.each<[string, LayeredImage]>([
    ['in the label', labelled()],
    ['in the label of a Docker image', { ...labelled(), docker: true }],
    [
      'in the label, whatever the layers are',
      { ...labelled(), layers: [{ mediaType: 'text/plain', bytes: Buffer.from('x') }] },
    ],
    ['in a layer that is not packed', { layers: [plainLayer(other, file)] }],
    ['in a layer packed with gzip', { layers: [gzipLayer(other, file)] }],
    ['in a layer packed with zstd', { layers: [zstdLayer(other, file)] }],
    ['in a layer of Docker', { docker: true, layers: [{ mediaType: dockerLayer, bytes: gzipSync(tar(file)) }] }],
    ['in a packed layer whose type does not say so', { layers: [{ mediaType: ociLayer, bytes: gzipSync(tar(file)) }] }],
    ['in a lower layer', { layers: [gzipLayer(file), zstdLayer(other), plainLayer(other)] }],
    [
      'below empty layers',
      {
        layers: [
          gzipLayer(file),
          gzipLayer(),
          gzipLayer(),
          plainLayer(),
          { mediaType: ociLayer, bytes: Buffer.alloc(0) },
        ],
      },
    ],
    ['above others', { layers: [gzipLayer(contractEntry('not this one')), gzipLayer(file)] }],
    [
      'above what is hidden',
      {
        layers: [
          gzipLayer(contractEntry('not this')),
          gzipLayer({ name: '.wh.action-contract.yaml' }),
          gzipLayer(file),
        ],
      },
    ],
    [
      'in a layer that hides all others',
      { layers: [gzipLayer(contractEntry('not this')), gzipLayer({ name: '.wh..wh..opq' }, file)] },
    ],
    ['in several parts of gzip', { layers: [{ mediaType: `${ociLayer}+gzip`, bytes: inParts(gzipSync) }] }],
    ['in several frames of zstd', { layers: [{ mediaType: `${ociLayer}+zstd`, bytes: inParts(zstdCompressSync) }] }],
    [
      'between skippable frames of zstd',
      { layers: [{ mediaType: `${ociLayer}+zstd`, bytes: skippable(inParts(zstdCompressSync)) }] },
    ],
  ])('%s', async (_name, image) => {
    expect(await reading(image)).toEqual(contractNamed('git-clone'));
  });

  /** Cut where it hurts: within a header, within the contract. */
  function inParts(pack: (bytes: Uint8Array) => Buffer): Buffer {
    const bytes = tar(other, file, other);
    return Buffer.concat([pack(bytes.subarray(0, 100)), pack(bytes.subarray(100, 3_100)), pack(bytes.subarray(3_100))]);
  }

  /** RFC 8878 §3.1.2; zstd:chunked keeps its index in one. */
  function skippable(bytes: Buffer): Buffer {
    const frame = Buffer.from([0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    return Buffer.concat([frame, bytes, frame]);
  }
});

describe('there is none', () => {
  test.each<[string, LayeredImage]>([
    ['without layers', {}],
    ['with other labels and files', { labels: { maintainer: 'me' }, layers: [gzipLayer(other)] }],
    ['without a configuration of containers', { config: '{}', layers: [gzipLayer(other)] }],
    ['when the file is hidden', { layers: [gzipLayer(file), gzipLayer({ name: '.wh.action-contract.yaml' })] }],
    ['when all is hidden', { layers: [gzipLayer(file), zstdLayer({ name: '.wh..wh..opq' }), plainLayer(other)] }],
  ])('%s', async (_name, image) => {
    expect(await reading(image)).toEqual(none);
  });
});

describe('what it costs', () => {
  test.each([
    ['label ai.kubernaut.action-contract', labelled()],
    ['file /action-contract.yaml', { layers: [gzipLayer(file)] }],
  ])('%s: the answer says where it was, and how long it is', async (place, image) => {
    expect(await reading(image)).toMatchObject({ value: { place, bytes: contractText().length } });
  });

  test('from the label: manifest and configuration', async () => {
    await reading({ ...labelled(), layers: [gzipLayer(file)] });
    expect(registry.requests()).toMatchObject({ manifests: 1, blobs: 1, total: 2 });
  });

  test('from a file: the layers from the top down to the one that answers, and nothing of 200 MB below', async () => {
    const layers = [absentLayer(200 * 1024 * 1024), gzipLayer(file), gzipLayer(other)];
    expect(await reading({ layers })).toEqual(contractNamed('git-clone'));
    expect(registry.requests()).toMatchObject({ manifests: 1, blobs: 3, total: 4 });
  });

  test('a hidden file spares the layers below too', async () => {
    const layers = [absentLayer(200 * 1024 * 1024), gzipLayer({ name: '.wh..wh..opq' })];
    expect(await reading({ layers })).toEqual(none);
  });

  test('layers that occur again are read once', async () => {
    const empty = gzipLayer();
    await reading({ layers: [gzipLayer(other), empty, empty, empty] });
    expect(registry.requests()).toMatchObject({ manifests: 1, blobs: 3, total: 4 });
  });
});

describe('an image for several platforms', () => {
  test.each<[string, () => Pushed]>([
    [
      'with the same label',
      () =>
        pushIndex(registry, [
          ['linux/amd64', push(registry, labelled())],
          ['linux/arm64/v8', push(registry, { ...labelled(), layers: [plainLayer()] })],
        ]),
    ],
    [
      'in an index of Docker',
      () => pushIndex(registry, [['linux/amd64', push(registry, { ...labelled(), docker: true })]], true),
    ],
    [
      'label here, file there',
      () =>
        pushIndex(registry, [
          ['linux/amd64', push(registry, labelled())],
          ['linux/arm64', push(registry, { layers: [gzipLayer(file)] })],
        ]),
    ],
    [
      'in an index within an index',
      () =>
        pushIndex(registry, [
          ['', pushIndex(registry, [['linux/amd64', push(registry, labelled())]])],
          ['linux/s390x', push(registry, labelled())],
        ]),
    ],
    [
      'beside attestations, which nothing runs',
      () =>
        pushIndex(registry, [
          ['linux/amd64', push(registry, labelled())],
          ['unknown/unknown', push(registry, {})],
        ]),
    ],
  ])('has its contract: %s', async (_name, make) => {
    expect(await read(make())).toEqual(contractNamed('git-clone'));
  });

  test('may have none on any of them', async () => {
    const [one, another] = [push(registry, {}), push(registry, { layers: [gzipLayer(other)] })];
    expect(
      await read(
        pushIndex(registry, [
          ['linux/amd64', one],
          ['linux/arm64', another],
        ]),
      ),
    ).toEqual(none);
  });

  test('must not have different ones', async () => {
    const [one, another] = [push(registry, labelled()), push(registry, labelled(contractText('another')))];
    const index = pushIndex(registry, [
      ['linux/amd64', one],
      ['linux/arm64', another],
      ['windows/amd64', one],
    ]);
    expect(await read(index)).toEqual(
      invalid('linux/amd64 has sha256:', 'linux/arm64 has sha256:', 'windows/amd64 has'),
    );
  });

  test('must not have one on some of them only', async () => {
    const [one, another] = [push(registry, {}), push(registry, labelled())];
    const index = pushIndex(registry, [
      ['linux/amd64', one],
      ['linux/arm/v7', another],
    ]);
    expect(await read(index)).toEqual(invalid('linux/amd64 has none', 'linux/arm/v7 has sha256:'));
  });

  test('must be for one at least', async () => {
    expect(await read(pushIndex(registry, []))).toEqual(invalid('no image for any platform'));
    const attestation = push(registry, {});
    expect(await read(pushIndex(registry, [['unknown/unknown', attestation]]))).toEqual(invalid('no image for any'));
  });

  test('must have them all at the registry', async () => {
    const gone = { digest: digestOf('gone'), size: 100 };
    const index = pushIndex(registry, [
      ['linux/amd64', push(registry, labelled())],
      ['linux/arm64', gone],
    ]);
    expect(await read(index)).toMatchObject({ ok: false, failure: { code: 'IMAGE_NOT_FOUND' } });
  });

  test('must not have too many', async () => {
    const image = push(registry, labelled());
    const index = pushIndex(
      registry,
      Array.from({ length: 65 }, (_, at) => [`os/arch${at}`, image] as const),
    );
    expect(await read(index)).toEqual(invalid('more than 64 platforms'));
    expect(registry.requests().total).toBe(1);
  });

  test('must not be nested without end', async () => {
    let nested = push(registry, labelled());
    for (let depth = 0; depth < 4; depth += 1) nested = pushIndex(registry, [['', nested]]);
    expect(await read(nested)).toEqual(invalid('nested deeper than 3'));
  });
});

describe('what is refused, naming the place', () => {
  const inLayer = (mediaType: string, bytes: Uint8Array): LayeredImage => {
    return { layers: [gzipLayer(file), { mediaType, bytes }, gzipLayer(other)] };
  };
  const gzip = `${ociLayer}+gzip`;
  const zstd = `${ociLayer}+zstd`;
  const packed = gzipSync(tar(file));
  const frames = zstdCompressSync(tar(file));
  const layer = 'layer 2 of 3 (sha256:';
  const wayOut = `the label ${contractLabel} makes the search unnecessary`;

  test.each<[string, LayeredImage, readonly string[]]>([
    [
      'a symbolic link',
      inLayer(ociLayer, tar({ name: 'action-contract.yaml', type: '2', link: 'x' })),
      [layer, 'symbolic link', wayOut],
    ],
    ['a layer that is no tar', inLayer(ociLayer, randomBytes(2_000)), [layer, 'no tar file', wayOut]],
    [
      'a layer of unknown type',
      inLayer('application/vnd.oci.image.layer.v1.tar+xz', packed),
      [layer, 'its type is', 'xz', wayOut],
    ],
    ['an encrypted layer', inLayer(`${gzip}+encrypted`, packed), [layer, 'encrypted']],
    [
      'a layer that is not distributed',
      inLayer('application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', packed),
      [layer, 'nondistributable'],
    ],
    [
      'a foreign layer of Docker',
      inLayer('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', packed),
      [layer, 'foreign'],
    ],
    ['a type that lies: gzip', inLayer(gzip, tar(file)), [layer, 'says gzip']],
    ['a type that lies: zstd', inLayer(zstd, packed), [layer, 'says zstd']],
    ['a type that lies: gzip of Docker', inLayer(dockerLayer, frames), [layer, 'says gzip']],
    ['damaged gzip', inLayer(gzip, damaged(packed)), [layer, 'cannot be unpacked']],
    ['gzip that ends too early', inLayer(gzip, packed.subarray(0, packed.length / 2)), [layer, '']],
    [
      'gzip with something behind it',
      inLayer(gzip, Buffer.concat([gzipSync(tar(file).subarray(0, 600)), Buffer.from('trailing')])),
      [layer, 'cannot be unpacked'],
    ],
    [
      'gzip with blanks and gzip behind it',
      inLayer(gzip, Buffer.concat([gzipSync(tar(file).subarray(0, 600)), Buffer.alloc(10), packed])),
      [layer, 'cannot be unpacked'],
    ],
    ['damaged zstd', inLayer(zstd, damaged(frames)), [layer, 'cannot be unpacked']],
    ['zstd that ends too early', inLayer(zstd, frames.subarray(0, frames.length / 2)), [layer, '']],
    [
      'zstd with something behind it',
      inLayer(zstd, Buffer.concat([zstdCompressSync(tar(file).subarray(0, 600)), Buffer.from('trailing')])),
      [layer, 'cannot be unpacked'],
    ],
    ['zstd with a huge window', inLayer(zstd, hugeWindow()), [layer, 'cannot be unpacked']],
    ['a configuration that is no JSON', { config: 'config: yaml' }, ['configuration', 'JSON']],
    ['a configuration that says things twice', { config: '{"config":{},"config":{}}' }, ['configuration', 'twice']],
    ['a label that is no text', { labels: { [contractLabel]: { kind: 'ActionContract' } } }, ['label', 'no text']],
    ['an empty label', labelled(''), [`label ${contractLabel}`, 'no contract in it']],
    ['an empty file', { layers: [gzipLayer(contractEntry(''))] }, ['file /action-contract.yaml', 'no contract in it']],
    ['a label that is no contract', labelled('kind: Pod\napiVersion: v1\n'), [`label ${contractLabel}`]],
    [
      'a file that is not UTF-8',
      { layers: [gzipLayer({ ...file, content: Buffer.from([0xff, 0xfe]) })] },
      ['file /action', 'UTF-8'],
    ],
    [
      'a contract of 10 MB',
      { layers: [gzipLayer(contractEntry('#'.repeat(10_000_000)))] },
      ['layer 1 of 1', 'larger than 262144'],
    ],
    ['a label of 300 KB', labelled(`#${' '.repeat(300_000)}`), [`label ${contractLabel}`, 'larger than 262144']],
  ])('%s', async (_name, image, words) => {
    expect(await reading(image)).toEqual(invalid(...words));
  });

  function damaged(bytes: Buffer): Buffer {
    const copy = Buffer.from(bytes);
    copy.fill(0xa5, 30, 40);
    return copy;
  }

  /** RFC 8878 §3.1.1.1.2: a window of 2 GiB, and a block of one repeated byte. */
  function hugeWindow(): Buffer {
    return Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x03, 0x00, 0x08, 0x00]);
  }

  test('a manifest that is none', async () => {
    const digest = registry.putManifest(repository, Buffer.from('{"schemaVersion":1}'));
    expect(await read({ digest })).toEqual(invalid('manifest', 'schemaVersion'));
  });
});

describe('limits', () => {
  const tight: SearchLimits = { downloadedBytes: 100_000, unpackedBytes: 1_000_000, entries: 1_000 };

  test.each<[string, LayeredImage, string]>([
    ['a bomb of gzip', { layers: [gzipLayer({ name: 'zeros', content: Buffer.alloc(2_000_000) })] }, 'more bytes'],
    ['a bomb of zstd', { layers: [zstdLayer({ name: 'zeros', content: Buffer.alloc(2_000_000) })] }, 'more bytes'],
    [
      'many entries',
      { layers: [gzipLayer(...Array.from({ length: 1_001 }, (_, at) => ({ name: `f${at}` })))] },
      'more entries',
    ],
    ['a layer that says that it is large', { layers: [absentLayer(100_001)] }, 'larger than what is downloaded'],
    ['layers that unpack to much together', { layers: sized(Buffer.alloc(400_000), 3) }, 'more bytes'],
    ['layers that are large together', { layers: sized(randomBytes(40_000), 3) }, 'larger than what is downloaded'],
  ])('%s', async (_name, image, words) => {
    expect(await reading(image, tight)).toEqual(invalid('layer 1 of', words, 'label'));
  });

  function sized(content: Buffer, count: number): readonly Layer[] {
    return Array.from({ length: count }, (_, at) => gzipLayer({ name: `file-${at}`, content }));
  }

  test('are for all platforms together', async () => {
    const images = Array.from({ length: 3 }, (_, at) =>
      push(registry, { layers: [gzipLayer({ name: `f${at}`, content: randomBytes(40_000) })] }),
    );
    const index = pushIndex(
      registry,
      images.map((image, at) => [`linux/${at}`, image] as const),
    );
    expect(await read(index, tight)).toEqual(invalid('larger than what is downloaded'));
  });

  test('a contract above what is too large is found', async () => {
    expect(await reading({ layers: [absentLayer(2 ** 40), gzipLayer(file)] }, tight)).toEqual(
      contractNamed('git-clone'),
    );
  });
});

describe('a registry that lies or breaks is no answer about the image', () => {
  /** A good image whose layer or configuration is served by a fault. */
  function served(
    image: LayeredImage,
    of: Uint8Array,
    fault: Parameters<DemoRegistry['inject']>[1],
    times?: number,
  ): Promise<Answer> {
    registry.inject(new RegExp(`blobs/sha256:${hexOf(digestOf(of))}`), fault, times);
    return reading(image);
  }
  const layer = gzipLayer(file);

  test.each([
    ['another layer with a contract', Buffer.from(gzipLayer(contractEntry(contractText('another'))).bytes)],
    ['a layer that could not even be read', Buffer.from('not gzip')],
    ['nothing', Buffer.alloc(0)],
    ['the layer without its last byte', Buffer.from(layer.bytes.subarray(0, -1))],
  ])('%s', async (_name, body) => {
    const answer = await served({ layers: [layer] }, layer.bytes, status(200, body));
    expect(answer).toMatchObject({ ok: false, failure: { code: 'REGISTRY_RESPONSE_INVALID' } });
  });

  test('more than the layer', async () => {
    const answer = await served(
      { layers: [layer] },
      layer.bytes,
      status(200, Buffer.concat([layer.bytes, Buffer.alloc(1)])),
    );
    expect(answer).toMatchObject({ ok: false, failure: { code: 'REGISTRY_RESPONSE_TOO_LARGE' } });
  });

  test('another configuration', async () => {
    const config = JSON.stringify({ config: { Labels: { [contractLabel]: contractText('true') } } });
    const lie = status(200, config.replace('true', 'fake'));
    const answer = await served({ config }, Buffer.from(config), lie);
    expect(answer).toMatchObject({ ok: false, failure: { code: 'REGISTRY_RESPONSE_INVALID' } });
  });

  test('a layer that the manifest names and the registry does not have', async () => {
    const answer = await reading({ layers: [absentLayer(100)] });
    expect(answer).toMatchObject({ ok: false, failure: { code: 'REGISTRY_RESPONSE_INVALID' } });
  });

  test('an image that is not there', async () => {
    const answer = await read({ digest: digestOf('nowhere') });
    expect(answer).toMatchObject({ ok: false, failure: { code: 'IMAGE_NOT_FOUND' } });
  });

  test('a connection that breaks in the middle is not taken up again, because a part was read already', async () => {
    const answer = await served({ layers: [layer] }, layer.bytes, truncated());
    expect(answer).toMatchObject({ ok: false, failure: { code: 'REGISTRY_UNREACHABLE' } });
    expect(registry.requests().blobs).toBe(2);
  });

  test('a registry that is busy for a moment is asked again', async () => {
    expect(await served({ layers: [layer] }, layer.bytes, status(503), 1)).toEqual(contractNamed('git-clone'));
  });
});
