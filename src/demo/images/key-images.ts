/** Images that are judged by a public key. */
import { pushImage, pushIndex } from '../registry/images.ts';
import { admit, bareImage, demoImage, refuse, type Bench, type DemoImage } from './bench.ts';
import { attachBundles, imageStatement, signBundle } from './bundle.ts';
import { attachLegacy, signLegacy, simpleSigningPayload, type Signable } from './legacy.ts';

export function unsigned(bench: Bench): DemoImage {
  const image = bareImage(bench, 'key', 'unsigned');
  return demoImage(bench, image, refuse('nobody signed it', 'SIGNATURE_MISSING'));
}

export function keyLegacy(bench: Bench): DemoImage {
  const image = bareImage(bench, 'key', 'legacy');
  attachLegacy(bench.registry, image, [legacySignature(bench, image)]);
  return demoImage(bench, image, admit('signed with the key, cosign 2 format'));
}

export function keyBundle(bench: Bench): DemoImage {
  const image = bareImage(bench, 'key', 'bundle');
  attachBundles(bench.registry, image, [signBundle(imageStatement(image.digest), bench.key)]);
  return demoImage(bench, image, admit('signed with the key, cosign 3 bundle'));
}

export function wrongKey(bench: Bench): DemoImage {
  const image = bareImage(bench, 'key', 'wrong-key');
  attachLegacy(bench.registry, image, [legacySignature(bench, image, bench.strangerKey)]);
  return demoImage(bench, image, refuse('signed with the key of somebody else', 'SIGNATURE_INVALID'));
}

export function wrongKeyBundle(bench: Bench): DemoImage {
  const image = bareImage(bench, 'key', 'wrong-key-bundle');
  attachBundles(bench.registry, image, [signBundle(imageStatement(image.digest), bench.strangerKey)]);
  return demoImage(bench, image, refuse('bundle by the key of somebody else', 'SIGNATURE_INVALID'));
}

/** A true signature, copied from where it belongs. */
export function signatureOfAnotherImage(bench: Bench): DemoImage {
  const image = bareImage(bench, 'key', 'other-image');
  const other = bareImage(bench, 'key', 'other-image-donor');
  attachLegacy(bench.registry, image, [legacySignature(bench, other)]);
  return demoImage(bench, image, refuse('carries the good signature of another image', 'CLAIM_MISMATCH'));
}

export function tamperedPayload(bench: Bench): DemoImage {
  const image = bareImage(bench, 'key', 'tampered');
  const signed = legacySignature(bench, bareImage(bench, 'key', 'tampered-donor'));
  attachLegacy(bench.registry, image, [{ ...signed, payload: simpleSigningPayload(bench.registry.host, image) }]);
  return demoImage(bench, image, refuse('its payload was rewritten after signing', 'SIGNATURE_INVALID'));
}

export function twoSignaturesOneGood(bench: Bench): DemoImage {
  const image = bareImage(bench, 'key', 'two-signatures');
  const signatures = [legacySignature(bench, image, bench.strangerKey), legacySignature(bench, image)];
  attachLegacy(bench.registry, image, signatures);
  return demoImage(bench, image, admit('signed by a stranger and by the key'));
}

/** cosign 3 stops at the bundle and refuses. */
export function foreignBundleBesideGoodSignature(bench: Bench): DemoImage {
  const image = bareImage(bench, 'key', 'foreign-bundle');
  attachBundles(bench.registry, image, [signBundle(imageStatement(image.digest), bench.strangerKey)]);
  attachLegacy(bench.registry, image, [legacySignature(bench, image)]);
  return demoImage(bench, image, admit("a stranger's bundle beside the key's cosign 2 signature"));
}

/** A statement about the image, but not that it may run. */
export function attestationOnly(bench: Bench): DemoImage {
  const image = bareImage(bench, 'key', 'attestation-only');
  const statement = imageStatement(image.digest, 'https://slsa.dev/provenance/v1');
  attachBundles(bench.registry, image, [signBundle(statement, bench.key)]);
  return demoImage(bench, image, refuse('has an attestation by the key, but no signature', 'SIGNATURE_MISSING'));
}

export function signedIndex(bench: Bench): DemoImage {
  const index = multiPlatform(bench, 'index');
  attachLegacy(bench.registry, index, [legacySignature(bench, index)]);
  return demoImage(bench, index, admit('multi-platform image, its index signed'));
}

/** Whoever signs a part has not signed the whole. */
export function indexWithSignedPlatform(bench: Bench): DemoImage {
  const index = multiPlatform(bench, 'index-unsigned');
  const platform = platformImage(bench, index.repository, 'amd64');
  attachLegacy(bench.registry, platform, [legacySignature(bench, platform)]);
  return demoImage(bench, index, refuse('multi-platform image, only one platform signed', 'SIGNATURE_MISSING'));
}

function legacySignature({ registry, key }: Bench, image: Signable, by = key): ReturnType<typeof signLegacy> {
  return signLegacy(simpleSigningPayload(registry.host, image), by);
}

function multiPlatform(bench: Bench, name: string): Signable {
  const repository = `key/${name}`;
  const manifests = ['amd64', 'arm64'].map((architecture) => platformImage(bench, repository, architecture));
  return { repository, digest: pushIndex(bench.registry, { repository, tag: '1.0', manifests }) };
}

function platformImage(
  { registry }: Bench,
  repository: string,
  architecture: string,
): Signable & { readonly size: number; readonly architecture: string } {
  return { repository, architecture, ...pushImage(registry, { repository, architecture }) };
}
