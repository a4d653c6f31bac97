/** Images in the registry of a gate. */
import { attachLegacy, signLegacy, simpleSigningPayload } from '../../../src/demo/images/legacy.ts';
import type { SigningKey } from '../../../src/demo/images/signing-key.ts';
import { pushImage } from '../../../src/demo/registry/images.ts';
import type { DemoRegistry } from '../../../src/demo/registry/serve.ts';
import type { Digest } from '../../../src/kernel/digest.ts';
import { busyboxImage, type Additions, type Image } from '../busybox-image.ts';

export interface PushedImage {
  /** As a workload would write it: HOST/REPOSITORY:1.0 */
  readonly tagged: string;
  readonly digest: Digest;
  /** As it must be stored: HOST/REPOSITORY:1.0@sha256:… */
  readonly pinned: string;
}

const tag = '1.0';

/** One that only exists; nothing of it can run. */
export function unsignedImage(registry: DemoRegistry, repository: string): PushedImage {
  return pushed(registry, repository, pushImage(registry, { repository, tag }).digest);
}

export function signedImage(registry: DemoRegistry, repository: string, key: SigningKey): PushedImage {
  return signed(registry, repository, unsignedImage(registry, repository), key);
}

/** One that runs `command`. */
export function runnableImage(
  registry: DemoRegistry,
  repository: string,
  command: readonly string[],
  additions: Additions = {},
): PushedImage {
  return push(registry, repository, busyboxImage(command, additions));
}

export function push(registry: DemoRegistry, repository: string, { manifest, config, layer }: Image): PushedImage {
  for (const blob of [config, layer]) registry.putBlob(repository, blob.bytes);
  return pushed(registry, repository, registry.putManifest(repository, manifest.bytes, tag));
}

export function signed(registry: DemoRegistry, repository: string, image: PushedImage, key: SigningKey): PushedImage {
  const signable = { repository, digest: image.digest };
  attachLegacy(registry, signable, [signLegacy(simpleSigningPayload(registry.host, signable), key)]);
  return image;
}

function pushed({ host }: DemoRegistry, repository: string, digest: Digest): PushedImage {
  const tagged = `${host}/${repository}:${tag}`;
  return { tagged, digest, pinned: `${tagged}@${digest}` };
}
