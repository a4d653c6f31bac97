import { describe, expect, test } from 'vitest';
import { parseManifest } from '../../src/kernel/oci-manifest.ts';

const digest = `sha256:${'0'.repeat(64)}`;
const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: 2 };
const image = { schemaVersion: 2, config, layers: [config] };
const parse = (value: unknown) => parseManifest(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));

test('an image manifest', () => {
  expect(parse({ ...image, subject: config, annotations: { a: 'b' } })).toMatchObject({
    ok: true,
    value: { kind: 'image', config, layers: [config], subject: config, annotations: { a: 'b' } },
  });
});

test('an index with platforms', () => {
  const manifests = [{ ...config, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } }];
  expect(parse({ schemaVersion: 2, manifests })).toMatchObject({ ok: true, value: { kind: 'index', manifests } });
});

describe('refuses', () => {
  test.each([
    ['HTML', '<html>', 'not valid JSON'],
    ['schema 1', { ...image, schemaVersion: 1 }, 'schemaVersion is not 2'],
    ['image and index at once', { ...image, manifests: [] }, 'it is both an image and an index'],
    ['layers that are no list', { ...image, layers: {} }, 'layers is not a list'],
    ['1,001 layers', { ...image, layers: Array.from({ length: 1_001 }, () => config) }, 'more than 1000'],
    ['a bad digest', { ...image, config: { ...config, digest: 'sha256:0' } }, 'config.digest is not a SHA-256 digest'],
    ['another hash', { ...image, config: { ...config, digest: `sha512:${'0'.repeat(128)}` } }, 'config.digest'],
    ['a negative size', { ...image, layers: [{ ...config, size: -1 }] }, 'layers[0].size is not a size'],
    ['a size beyond any file', { ...image, layers: [{ ...config, size: 1e300 }] }, 'layers[0].size is not a size'],
    ['annotations that are no text', { ...image, annotations: { a: 1 } }, 'annotations.a is not a text'],
    ['millions of nothing', `[${'{},'.repeat(1_000_000)}{}]`, 'more values than any manifest'],
    ['a key twice', '{"schemaVersion":2,"schemaVersion":2}', 'occurs twice'],
  ])('%s', (_name, value, why) => {
    const parsed = parse(value);
    expect(parsed.ok ? 'accepted' : parsed.failure.message).toContain(why);
  });
});

test('an annotation named __proto__ is an annotation', () => {
  const parsed = parse(
    `{"schemaVersion":2,"config":${JSON.stringify(config)},"layers":[],"annotations":{"__proto__":"x"}}`,
  );
  expect(parsed.ok && parsed.value.kind === 'image' && Object.keys(parsed.value.annotations)).toEqual(['__proto__']);
});
