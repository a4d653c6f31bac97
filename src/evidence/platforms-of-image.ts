import { failure, quoted } from '../kernel/failure.ts';
import { parseManifest, type OciDescriptor, type OciImage, type OciManifest } from '../kernel/oci-manifest.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import type { PinnedImage } from '../policy/question.ts';
import type { NodePlatform } from '../ports/pull-credentials.ts';
import type { CallOptions, Registry } from '../ports/registry.ts';
import { contractInvalid } from './contract-invalid.ts';
import { fewAtATime } from './few-at-a-time.ts';

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
}

/** The image itself, or every image that an index and the indexes in it name for these nodes; each is what one may run. */
export async function platformsOf(
  registry: Pick<Registry, 'manifest'>,
  image: PinnedImage,
  nodes: NodePlatform,
  options: CallOptions,
): Promise<Result<readonly PlatformImage[]>> {
  const found: PlatformImage[] = [];
  let wanted: readonly Wanted[] = [{ digest: image.digest, platform: 'the image' }];
  let named = 0;
  for (let depth = 0; wanted.length > 0; depth += 1) {
    const read = await fewAtATime(wanted, (one) => readManifest(registry, image, one, options));
    if (!read.ok) return read;
    found.push(
      ...read.value.flatMap(({ platform, manifest }) => (manifest.kind === 'image' ? [{ platform, manifest }] : [])),
    );
    wanted = read.value.flatMap(({ manifest }) =>
      manifest.kind === 'index' ? runnable(manifest.manifests, nodes) : [],
    );
    if (depth === maxDepth && wanted.length > 0)
      return contractInvalid(`its indexes are nested deeper than ${maxDepth} levels`);
    named += wanted.length;
    if (named > maxManifests) return contractInvalid(`it has more than ${maxManifests} platforms`);
  }
  return ok(found);
}

async function readManifest(
  registry: Pick<Registry, 'manifest'>,
  image: PinnedImage,
  { digest, platform }: Wanted,
  options: CallOptions,
): Promise<Result<{ readonly platform: string; readonly manifest: OciManifest }>> {
  const found = await registry.manifest(image, digest, options);
  if (!found.ok) return found;
  if (found.value === undefined) {
    return fail(failure('IMAGE_NOT_FOUND', `the registry does not have ${platform} (${digest})`));
  }
  const manifest = parseManifest(found.value.bytes);
  return manifest.ok ? ok({ platform, manifest: manifest.value }) : contractInvalid(manifest.failure.message);
}

/** BuildKit puts attestations beside the platforms, for a platform that no node has. */
function runnable(manifests: readonly OciDescriptor[], nodes: NodePlatform): readonly Wanted[] {
  return manifests
    .filter(({ platform }) => !(platform?.os === 'unknown' && platform.architecture === 'unknown'))
    .filter(({ platform }) => platform === undefined || isFor(platform, nodes))
    .map((descriptor) => ({ digest: descriptor.digest, platform: nameOf(descriptor) }));
}

function isFor(platform: NonNullable<OciDescriptor['platform']>, { os, architecture }: NodePlatform): boolean {
  return (os ?? platform.os) === platform.os && (architecture ?? platform.architecture) === platform.architecture;
}

function nameOf({ platform, digest }: OciDescriptor): string {
  if (platform === undefined) return digest;
  const { os, architecture, variant } = platform;
  return quoted([os, architecture, ...(variant === undefined ? [] : [variant])].join('/'), 64);
}
