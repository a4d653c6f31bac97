/** Attestations as whoever may push to a repository can write them: any payload, signed by any key, in any number. */
import { attachBundles, type SignedStatement } from '../../src/demo/images/bundle.ts';
import type { Pushes } from '../../src/demo/images/legacy.ts';
import type { SigningKey } from '../../src/demo/images/signing-key.ts';
import { hexOf, type Digest } from '../../src/kernel/digest.ts';
import { preAuthEncoding } from '../verification/kit/attestations.ts';

export interface Image {
  readonly repository: string;
  readonly digest: Digest;
  readonly size: number;
}

export const predicateType = 'https://example.com/review/v1';
const inToto = 'application/vnd.in-toto+json';
const envelopeType = 'application/vnd.dsse.envelope.v1+json';

export interface Envelope {
  readonly payload: string;
  readonly payloadType?: string;
  /** In place of what was signed. */
  readonly signedPayload?: string;
  readonly signedType?: string;
}

export function statement(digest: Digest, members: object = {}): string {
  const subject = [{ name: 'app', digest: { sha256: hexOf(digest) } }];
  const predicate = { approved: true };
  return JSON.stringify({ _type: 'https://in-toto.io/Statement/v1', subject, predicateType, predicate, ...members });
}

/** Whose predicate is this text, JSON or not. */
export function withPredicate(digest: Digest, predicate: string): string {
  return statement(digest, { predicate: null }).replace('"predicate":null', () => `"predicate":${predicate}`);
}

export function envelope(key: SigningKey, made: Envelope): Buffer {
  const { payload, payloadType = inToto, signedPayload = payload, signedType = payloadType } = made;
  const sig = key.sign(preAuthEncoding(signedType, Buffer.from(signedPayload))).toString('base64');
  return Buffer.from(
    JSON.stringify({ payloadType, payload: Buffer.from(payload).toString('base64'), signatures: [{ keyid: '', sig }] }),
  );
}

function bundle(key: SigningKey, made: Envelope): SignedStatement {
  const content = {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: key.hint } },
    dsseEnvelope: JSON.parse(envelope(key, made).toString()),
  };
  return { format: 'bundle', predicateType, bundle: Buffer.from(JSON.stringify(content)) };
}

/** In both ways in which cosign attaches them. */
export const attach: Readonly<
  Record<'layers' | 'bundles', (registry: Pushes, image: Image, key: SigningKey, made: readonly Envelope[]) => void>
> = {
  layers: (registry, image, key, made) =>
    attachLayers(
      registry,
      image,
      made.map((one) => layerOf(registry, image, envelope(key, one))),
    ),
  bundles: (registry, image, key, made) =>
    attachBundles(
      registry,
      image,
      made.map((one) => bundle(key, one)),
    ),
};

export function layerOf({ putBlob }: Pushes, { repository }: Image, bytes: Buffer): object {
  return { mediaType: envelopeType, digest: putBlob(repository, bytes), size: bytes.length };
}

/** Under the tag that attestations of an image have. */
export function attachLayers(registry: Pushes, image: Image, layers: readonly object[]): void {
  const config = {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    digest: registry.putBlob(image.repository, Buffer.from('{}')),
    size: 2,
  };
  attachManifest(registry, image, {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config,
    layers,
  });
}

export function attachManifest(registry: Pushes, { repository, digest }: Image, manifest: object): void {
  registry.putManifest(repository, manifest, `sha256-${hexOf(digest)}.att`);
}
