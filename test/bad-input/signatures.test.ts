/** Whoever may push to a repository adds signatures to images: too many, too large, ambiguous or senseless ones. */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { attachBundles, imageStatement, signBundle, type SignedStatement } from '../../src/demo/images/bundle.ts';
import { attachLegacy, signLegacy, simpleSigningPayload } from '../../src/demo/images/legacy.ts';
import { newSigningKey } from '../../src/demo/images/signing-key.ts';
import { pushImage } from '../../src/demo/registry/images.ts';
import { hexOf, type Digest } from '../../src/kernel/digest.ts';
import type { LegacySignature } from '../../src/policy/facts.ts';
import { nameOf, openGate, podOf, type Gate, type Question } from './gate.ts';

let gate: Gate;

beforeAll(async () => {
  gate = await openGate();
});
afterAll(() => gate.close());

interface Image {
  readonly repository: string;
  readonly digest: Digest;
  readonly size: number;
}

let count = 0;

function pushed(): Image {
  const repository = `key/signed-${(count += 1)}`;
  return { repository, ...pushImage(gate.registry, { repository }) };
}

/** A Pod of it. */
function asked(image: Image): Question {
  return { body: podOf(nameOf(gate, image)) };
}

const stranger = newSigningKey();
const bySomebody = (image: Image): LegacySignature =>
  signLegacy(simpleSigningPayload(gate.registry.host, image), stranger);
const good = (image: Image): LegacySignature => signLegacy(simpleSigningPayload(gate.registry.host, image), gate.key);

function times<T>(length: number, make: (index: number) => T): readonly T[] {
  return Array.from({ length }, (_, index) => make(index));
}

describe('too many signatures', () => {
  test('a thousand of somebody else', async () => {
    const image = pushed();
    attachLegacy(
      gate.registry,
      image,
      times(1_000, () => bySomebody(image)),
    );
    await gate.assertRefused(asked(image), { code: 'TOO_MANY_SIGNATURES', says: /1000 signatures.* first 100/ });
  });

  test('a thousand, each with a payload of its own, the good one last', async () => {
    const image = pushed();
    const payload = (n: number): Buffer => simpleSigningPayload(gate.registry.host, image, { n });
    const signatures = times(999, (n) => signLegacy(payload(n), stranger));
    attachLegacy(gate.registry, image, [...signatures, good(image)]);
    await gate.assertRefused(asked(image), { code: 'TOO_MANY_SIGNATURES', says: /1000 signatures.* first 100/ });
  });

  test('a thousand bundles', async () => {
    const image = pushed();
    const bundles = times(1_000, (n) =>
      signBundle(imageStatement(image.digest, undefined, { n: String(n) }), stranger),
    );
    attachBundles(gate.registry, image, bundles);
    await gate.assertRefused(asked(image), { code: 'TOO_MANY_SIGNATURES', says: /signatures.* first 100/ });
  });

  test('25,000 descriptors in one manifest', async () => {
    const image = pushed();
    const layer = { mediaType: 'text/plain', digest: image.digest, size: 1 };
    pushSignatureManifest(image, { layers: times(25_000, () => layer) });
    await gate.assertRefused(asked(image), { code: 'SIGNATURE_MALFORMED', says: /layers has more than 1000/ });
  });
});

/** A manifest under the tag that signatures of an image have. */
function pushSignatureManifest({ repository, digest }: Image, members: object | string): void {
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: 2 },
    layers: [],
  };
  const tag = `sha256-${hexOf(digest)}.sig`;
  const bytes = typeof members === 'string' ? Buffer.from(members) : { ...manifest, ...members };
  gate.registry.putManifest(repository, bytes, tag);
}

describe('manifests of signatures', () => {
  const simple = 'application/vnd.dev.cosign.simplesigning.v1+json';

  test.each<readonly [string, (image: Image) => object | string, RegExp]>([
    ['no JSON', () => 'signed, believe me', /JSON/],
    ['nothing', () => '', /JSON/],
    ['a list', () => '[]', /not an object/],
    ['a key that occurs twice', () => '{"schemaVersion":2,"layers":[],"layers":[]}', /twice/],
    ['lists in lists', () => '['.repeat(100_000) + ']'.repeat(100_000), /nested/],
    ['a negative size', ({ digest }) => ({ layers: [{ mediaType: simple, digest, size: -1 }] }), /layers\[0\]\.size/],
    [
      'an endless size',
      ({ digest }) => ({ layers: [{ mediaType: simple, digest, size: 1e300 }] }),
      /layers\[0\]\.size/,
    ],
    [
      'a short digest',
      () => ({ layers: [{ mediaType: simple, digest: 'sha256:00', size: 1 }] }),
      /layers\[0\]\.digest/,
    ],
    [
      'a number as annotation',
      ({ digest }) => ({ layers: [{ mediaType: simple, digest, size: 1, annotations: { a: 1 } }] }),
      /annotation/,
    ],
    ['a list as layer', () => ({ layers: [[]] }), /not an object/],
  ])('with %s', async (_what, members, says) => {
    const image = pushed();
    pushSignatureManifest(image, members(image));
    await gate.assertRefused(asked(image), { code: 'SIGNATURE_MALFORMED', says });
  });

  test('whose payload is said to have a terabyte', async () => {
    const image = pushed();
    pushSignatureManifest(image, { layers: [{ mediaType: simple, digest: image.digest, size: 1e12 }] });
    await gate.assertRefused(asked(image), { code: 'SIGNATURE_MALFORMED', says: /1000000000000 bytes, more than/ });
  });

  test('whose payload has 5 MB', async () => {
    const image = pushed();
    attachLegacy(gate.registry, image, [{ ...good(image), payload: Buffer.alloc(5_000_000) }]);
    await gate.assertRefused(asked(image), { code: 'SIGNATURE_MALFORMED', says: /5000000 bytes, more than/ });
  });

  test('whose payload is not as long as it says', async () => {
    const image = pushed();
    const digest = gate.registry.putBlob(image.repository, Buffer.from('{}'));
    pushSignatureManifest(image, { layers: [{ mediaType: simple, digest, size: 3 }] });
    await gate.assertRefused(asked(image), { code: 'SIGNATURE_MALFORMED', says: /not as long as/ });
  });

  test('of four megabytes of JSON', async () => {
    const image = pushed();
    pushSignatureManifest(image, `{"layers":[${'{},'.repeat(1_300_000)}{}]}`);
    await gate.assertRefused(asked(image), { code: 'SIGNATURE_MALFORMED', says: /more values/ });
  });
});

const duplicated = (text: string, name: string): string => text.replace(`"${name}":`, `"${name}":null,"${name}":`);
const pem = `-----BEGIN CERTIFICATE-----\n${'A'.repeat(64)}\n-----END CERTIFICATE-----\n`;
const nested = '['.repeat(50_000) + ']'.repeat(50_000);

describe('signatures beside an image', () => {
  const certificate = 'dev.sigstore.cosign/certificate';
  const signature = 'dev.cosignproject.cosign/signature';
  const rekor = 'dev.sigstore.cosign/bundle';
  const withAnnotation =
    (name: string, text: string) =>
    (image: Image): LegacySignature => ({ ...good(image), annotations: { ...good(image).annotations, [name]: text } });
  /** Signed by the right key, whatever it says. */
  const withPayload =
    (change: (payload: string) => string) =>
    (image: Image): LegacySignature =>
      signLegacy(Buffer.from(change(simpleSigningPayload(gate.registry.host, image).toString())), gate.key);

  test.each<readonly [string, (image: Image) => LegacySignature, RegExp]>([
    ['no signature', withAnnotation(signature, ''), /no signature annotation/],
    ['a signature that is not base64', withAnnotation(signature, '*'), /not base64/],
    ['a signature of a megabyte', withAnnotation(signature, 'A'.repeat(1_000_000)), /too long/],
    ['two PEM blocks as certificate', withAnnotation(certificate, pem + pem), /certificate/],
    ['a PEM block that is none', withAnnotation(certificate, pem), /certificate/],
    ['ten PEM blocks as chain', withAnnotation('dev.sigstore.cosign/chain', pem.repeat(10)), /chain/],
    ['many unfinished PEM blocks', withAnnotation(certificate, '-----BEGIN CERTIFICATE-----'.repeat(9_000)), /PEM/],
    ['a log entry that is no JSON', withAnnotation(rekor, 'logged'), /Rekor bundle/],
    ['a log entry with a key twice', withAnnotation(rekor, '{"Payload":{},"Payload":{}}'), /twice/],
    ['a log entry of lists in lists', withAnnotation(rekor, nested), /nested/],
    ['a payload with a key twice', withPayload((payload) => duplicated(payload, 'critical')), /twice/],
    ['a payload with a digest twice', withPayload((payload) => duplicated(payload, 'docker-manifest-digest')), /twice/],
    ['a payload of lists in lists', withPayload(() => nested), /nested/],
    ['a payload that is binary', () => signLegacy(Buffer.alloc(64, 0xff), gate.key), /UTF-8/],
    ['a compressed payload', (image) => signLegacy(gzipSync(simpleSigningPayload('a', image)), gate.key), /UTF-8|JSON/],
  ])('with %s', async (_what, make, says) => {
    const image = pushed();
    attachLegacy(gate.registry, image, [make(image)]);
    await gate.assertRefused(asked(image), { code: 'SIGNATURE_MALFORMED', says });
  });

  test('with a payload of another type', async () => {
    const image = pushed();
    attachLegacy(gate.registry, image, [withPayload((payload) => payload.replace('cosign container', 'a'))(image)]);
    await gate.assertRefused(asked(image), { code: 'CLAIM_MISMATCH', says: /not the claim/ });
  });
});

describe('bundles', () => {
  const signed = ({ digest }: Image): SignedStatement => signBundle(imageStatement(digest), gate.key);
  const bundle =
    (change: (text: string) => string) =>
    (image: Image): SignedStatement => {
      const made = signed(image);
      return { ...made, bundle: Buffer.from(change(Buffer.from(made.bundle).toString())) };
    };
  const statement =
    (change: (text: string) => string) =>
    ({ digest }: Image): SignedStatement => {
      const { predicateType, json } = imageStatement(digest);
      return signBundle({ predicateType, json: Buffer.from(change(json.toString())) }, gate.key);
    };

  test.each<readonly [string, (image: Image) => SignedStatement, RegExp]>([
    ['that are empty', bundle(() => ''), /JSON/],
    ['that are no JSON', bundle(() => 'signed'), /JSON/],
    ['of lists in lists', bundle(() => nested), /nested/],
    ['with a key twice', bundle((text) => duplicated(text, 'dsseEnvelope')), /twice/],
    [
      'without signature',
      bundle((text) => text.replace(/"signatures":\[.*?\]/, '"signatures":[]')),
      /not a valid Sigstore bundle/,
    ],
    [
      'of a thousand signatures',
      bundle((text) =>
        text.replace(
          /"signatures":\[(.*?)\]/,
          (_all, one) => `"signatures":[${Array.from({ length: 1_000 }, () => String(one)).join(',')}]`,
        ),
      ),
      /not a valid Sigstore bundle/,
    ],
    ['whose statement has a key twice', statement((text) => duplicated(text, 'subject')), /twice/],
    ['whose statement is no JSON', statement(() => 'signed'), /JSON/],
    ['whose statement is of lists in lists', statement(() => nested), /nested/],
  ])('%s', async (_what, make, says) => {
    const image = pushed();
    attachBundles(gate.registry, image, [make(image)]);
    await gate.assertRefused(asked(image), { code: 'SIGNATURE_MALFORMED', says });
  });

  test('of another version', async () => {
    const image = pushed();
    attachBundles(gate.registry, image, [bundle((text) => text.replace('bundle.v0.3', 'bundle.v9.9'))(image)]);
    await gate.assertRefused(asked(image), { code: 'SIGNATURE_UNSUPPORTED', says: /version that is not known/ });
  });

  test('of ten megabytes', async () => {
    const image = pushed();
    attachBundles(gate.registry, image, [bundle((text) => text + ' '.repeat(10_000_000))(image)]);
    await gate.assertRefused(asked(image), { code: 'SIGNATURE_MALFORMED', says: /more than/ });
  });
});
