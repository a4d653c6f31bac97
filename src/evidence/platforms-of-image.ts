import { failure, quoted } from '../kernel/failure.ts';
import { parseManifest, type OciDescriptor, type OciImage } from '../kernel/oci-manifest.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import type { PinnedImage } from '../policy/question.ts';
import type { CallOptions, Registry } from '../ports/registry.ts';
import { contractInvalid } from './contract-invalid.ts';

export interface PlatformImage {
  /** For a person. */
  readonly platform: string;
  readonly manifest: OciImage;
}

/** Docker official images have a dozen. */
const maxManifests = 64;
const maxDepth = 3;

interface Wanted {
  readonly digest: PinnedImage['digest'];
  readonly platform: string;
  readonly depth: number;
}

/** The image itself, or every image that an index and the indexes in it name; each is what some node may run. */
export async function platformsOf(
  registry: Pick<Registry, 'manifest'>,
  image: PinnedImage,
  options: CallOptions,
): Promise<Result<readonly PlatformImage[]>> {
  const found: PlatformImage[] = [];
  const wanted: Wanted[] = [{ digest: image.digest, platform: 'the image', depth: 0 }];
  // Grows while it is read.
  for (const { digest, platform, depth } of wanted) {
    const manifest = await readManifest(registry, image, digest, options);
    if (!manifest.ok) return manifest;
    if (manifest.value.kind === 'image') {
      found.push({ platform, manifest: manifest.value });
      continue;
    }
    if (depth === maxDepth) return contractInvalid(`its indexes are nested deeper than ${maxDepth} levels`);
    const runnable = manifest.value.manifests.filter(mayRun);
    if (wanted.length + runnable.length > maxManifests)
      return contractInvalid(`it has more than ${maxManifests} platforms`);
    wanted.push(...runnable.map((it) => ({ digest: it.digest, platform: nameOf(it), depth: depth + 1 })));
  }
  return ok(found);
}

async function readManifest(
  registry: Pick<Registry, 'manifest'>,
  image: PinnedImage,
  digest: PinnedImage['digest'],
  options: CallOptions,
): Promise<ReturnType<typeof parseManifest>> {
  const found = await registry.manifest(image, digest, options);
  if (!found.ok) return found;
  if (found.value === undefined) return fail(failure('IMAGE_NOT_FOUND', `the registry does not have ${digest}`));
  const manifest = parseManifest(found.value.bytes);
  return manifest.ok ? manifest : contractInvalid(manifest.failure.message);
}

/** BuildKit puts attestations beside the platforms, for a platform that no node has. */
function mayRun({ platform }: OciDescriptor): boolean {
  return !(platform?.os === 'unknown' && platform.architecture === 'unknown');
}

function nameOf({ platform, digest }: OciDescriptor): string {
  if (platform === undefined) return digest;
  const { os, architecture, variant } = platform;
  return quoted([os, architecture, ...(variant === undefined ? [] : [variant])].join('/'), 64);
}
