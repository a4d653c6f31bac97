/**
 * Configurations of an image's platforms, for policies that ask for them: under os/architecture[/variant] of the
 * configuration itself, as sigstore policy-controller has them. Attestations that BuildKit keeps beside the platforms are
 * not among them.
 */
import { LRUCache } from 'lru-cache';
import type { Digest } from '../kernel/digest.ts';
import { failure, quoted } from '../kernel/failure.ts';
import { parseManifest, type OciDescriptor, type OciImage } from '../kernel/oci-manifest.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import { asRecord, parseStrictJson } from '../kernel/strict-json.ts';
import type { PinnedImage } from '../policy/question.ts';
import type { CallOptions, Credentials, Registry } from '../ports/registry.ts';
import { before } from './before-deadline.ts';
import { fewAtATime } from './few-at-a-time.ts';

export type ImageConfigs = Readonly<Record<string, unknown>>;

const maxPlatforms = 32;
const maxConfigBytes = 4 * 1024 * 1024;
/** Of all platforms together, as text. */
const maxBytes = 16 * 1024 * 1024;
const maxKept = 32 * 1024 * 1024;
const maxFlights = 1_000;
const unavailableMs = 1_000;
/** A parsed value takes more than its text. */
const weight = 3;

interface Flight {
  readonly image: PinnedImage;
  readonly credentials: Credentials;
}

interface Read {
  readonly configs: ImageConfigs;
  readonly bytes: number;
}

export function createImageConfigs(
  registry: Pick<Registry, 'manifest' | 'blob'>,
  flightSeconds: number,
): (image: PinnedImage, credentials: Credentials, signal: AbortSignal) => Promise<Result<ImageConfigs>> {
  // Who may read it is for the registry to say, each time: what policies say of a configuration is shown to whoever asked.
  const known = new LRUCache<string, ImageConfigs>({ maxSize: maxKept });
  const flights = new LRUCache<string, Result<ImageConfigs>, Flight>({
    max: maxFlights,
    ttl: unavailableMs,
    fetchMethod: async (key, _stale, { context: { image, credentials } }) => {
      const signal = AbortSignal.timeout(flightSeconds * 1_000);
      const read = await readConfigs(registry, image, { credentials, signal });
      if (!read.ok) return read;
      known.set(key, read.value.configs, { size: 1 + weight * read.value.bytes });
      return ok(read.value.configs);
    },
  });
  return async (image, credentials, signal) => {
    const key = keyOf(image, credentials);
    const found = known.get(key);
    if (found !== undefined) return ok(found);
    return before(signal, flights.forceFetch(key, { context: { image, credentials } }));
  };
}

function keyOf({ registry, repository, digest }: PinnedImage, { id }: Credentials): string {
  return `${registry}/${repository}@${digest} ${id}`;
}

async function readConfigs(
  registry: Pick<Registry, 'manifest' | 'blob'>,
  image: PinnedImage,
  options: CallOptions,
): Promise<Result<Read>> {
  const images = await imagesOf(registry, image, options);
  if (!images.ok) return images;
  const size = images.value.reduce((sum, { manifest }) => sum + manifest.config.size, 0);
  const largest = Math.max(...images.value.map(({ manifest }) => manifest.config.size));
  if (largest > maxConfigBytes || size > maxBytes)
    return tooMuch(`its configuration has more than ${maxConfigBytes} bytes`);
  const read = await fewAtATime(images.value, async ({ digest, manifest }) => {
    const blob = await registry.blob(image, manifest.config.digest, maxConfigBytes, options);
    if (!blob.ok) return blob;
    const json = parseStrictJson(blob.value);
    const config = json.ok ? asRecord(json.value) : undefined;
    if (config === undefined) return unreadable(`that of ${digest} is not a JSON object`);
    return ok({ digest, config, bytes: blob.value.length });
  });
  if (!read.ok) return read;
  const configs = new Map<string, unknown>();
  for (const { digest, config } of read.value) {
    const platform = platformOf(config);
    // Two of one platform would hide one of them from the policy.
    configs.set(configs.has(platform) ? `${platform}@${digest}` : platform, config);
  }
  const bytes = read.value.reduce((sum, one) => sum + one.bytes, 0);
  return ok({ configs: Object.fromEntries(configs), bytes });
}

interface PlatformManifest {
  readonly digest: Digest;
  readonly manifest: OciImage;
}

/** The image itself, or those that an index names and the indexes in it. */
async function imagesOf(
  registry: Pick<Registry, 'manifest'>,
  image: PinnedImage,
  options: CallOptions,
): Promise<Result<readonly PlatformManifest[]>> {
  const found: PlatformManifest[] = [];
  let wanted: readonly Digest[] = [image.digest];
  for (let depth = 0; wanted.length > 0; depth += 1) {
    if (depth > maxDepth) return tooMuch(`its indexes are nested deeper than ${maxDepth} levels`);
    if (found.length + wanted.length > maxPlatforms) return tooMuch(`it has more than ${maxPlatforms} platforms`);
    const read = await fewAtATime(wanted, (digest) => readManifest(registry, image, digest, options));
    if (!read.ok) return read;
    found.push(...read.value.flatMap(({ images }) => images));
    wanted = read.value.flatMap(({ named }) => named);
  }
  return ok(found);
}

const maxDepth = 3;

async function readManifest(
  registry: Pick<Registry, 'manifest'>,
  image: PinnedImage,
  digest: Digest,
  options: CallOptions,
): Promise<Result<{ readonly images: readonly PlatformManifest[]; readonly named: readonly Digest[] }>> {
  const found = await registry.manifest(image, digest, options);
  if (!found.ok) return found;
  if (found.value === undefined) return fail(failure('IMAGE_NOT_FOUND', `the registry does not have ${digest}`));
  const manifest = parseManifest(found.value.bytes);
  if (!manifest.ok) return unreadable(manifest.failure.message);
  if (manifest.value.kind === 'image') return ok({ images: [{ digest, manifest: manifest.value }], named: [] });
  return ok({ images: [], named: manifest.value.manifests.filter(isPlatform).map((one) => one.digest) });
}

function isPlatform({ platform }: OciDescriptor): boolean {
  return !(platform?.os === 'unknown' && platform.architecture === 'unknown');
}

/** go-containerregistry pkg/v1/platform.go, Platform.String */
function platformOf(config: Readonly<Record<string, unknown>>): string {
  const text = (name: string): string => {
    const value = config[name];
    return typeof value === 'string' ? value : '';
  };
  const version = text('os.version');
  const name = [text('os'), text('architecture'), text('variant')].filter((part) => part !== '').join('/');
  return version === '' ? name : `${name}:${version}`;
}

function tooMuch(why: string): Result<never> {
  return fail(failure('POLICY_LIMIT_EXCEEDED', `the policy asks for the image's configuration, but ${why}`));
}

function unreadable(why: string): Result<never> {
  return fail(failure('POLICY_UNSATISFIED', `the image's configuration cannot be read: ${quoted(why)}`));
}
