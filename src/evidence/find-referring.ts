/**
 * What refers to an image: Sigstore bundles, and where attestations are asked for also manifests of DSSE envelopes. Whoever
 * reads stops as soon as enough is found, so what was listed as likely comes first.
 */
import type { Digest } from '../kernel/digest.ts';
import type { OciImage } from '../kernel/oci-manifest.ts';
import { ok, type Result } from '../kernel/result.ts';
import type { SignatureArtifact } from '../policy/facts.ts';
import type { Descriptor } from '../ports/registry.ts';
import {
  isLarge,
  malformed,
  readImageManifest,
  readInTurn,
  readLayer,
  tooMany,
  type Found,
  type Search,
} from './read-layers.ts';

export interface Referring {
  readonly what: 'signatures' | 'attestations';
  /** Predicate types that are read first. A hint that anyone may write, so it only orders. */
  readonly first: ReadonlySet<string>;
  /** Manifests of DSSE envelopes count as well. */
  readonly envelopes: boolean;
}

/** They are read a few at a time: two requests each, and the one that is wanted may be last. */
const batch = 4;

/** They hold a bundle, or a few envelopes. A hundred of what registries take would keep requests waiting for a minute. */
const maxManifestBytes = 256 * 1024;

const bundleType = 'application/vnd.dev.sigstore.bundle';
export const envelopeType = 'application/vnd.dsse.envelope.v1+json';
/** What `cosign attest` calls its envelopes where it writes them as referrers. */
const attestationType = 'application/vnd.in-toto+json';

export async function* findReferring(search: Search, wanted: Referring): Found {
  const { maxFound } = search.limits;
  const seen = new Set<Digest>();
  for await (const listed of search.registry.referrers(search.from, search.image, search.options)) {
    if (!listed.ok) {
      yield listed;
      continue;
    }
    const candidates = listed.value
      .filter((it) => mayCount(it, wanted) && !seen.has(it.digest))
      .sort((a, b) => rank(a, wanted) - rank(b, wanted));
    const some = candidates.slice(0, maxFound - seen.size);
    for (const { digest } of candidates) seen.add(digest);
    for (let start = 0; start < some.length; start += batch) {
      const next = some.slice(start, start + batch);
      const read = await Promise.all(next.map(({ digest }) => readReferrer(search, digest, wanted)));
      for (const one of read) yield* 'later' in one ? readInTurn(search, one.later) : one;
    }
    if (seen.size > maxFound) {
      yield tooMany(seen.size, search, wanted.what);
      return;
    }
  }
}

/** The fallback tag lists an odd artifact type for bundles, so only types that certainly are something else drop out. */
function mayCount({ artifactType: type }: Descriptor, { envelopes }: Referring): boolean {
  if (type === undefined || type.startsWith(bundleType) || type === 'application/vnd.oci.empty.v1+json') return true;
  return envelopes && type === attestationType;
}

function rank({ annotations }: Descriptor, { first }: Referring): number {
  const predicate = annotations['dev.sigstore.bundle.predicateType'];
  return predicate === undefined || first.has(predicate) ? 0 : 1;
}

type Read = readonly Result<SignatureArtifact>[];

/** What is large is not read together with others. */
async function readReferrer(
  search: Search,
  digest: Digest,
  wanted: Referring,
): Promise<Read | { readonly later: () => Promise<Read> }> {
  const found = await readImageManifest(search, digest, maxManifestBytes);
  if (!found.ok) return [found];
  const manifest = found.value;
  if (manifest === undefined) return [malformed(`referrer ${digest} is listed but missing`)];
  // The statement inside proves what is signed; this only sorts out what was listed for another image.
  if (manifest.subject?.digest !== search.image) return [malformed(`referrer ${digest} has another subject`)];
  const read = (): Promise<Read> => readContent(search, digest, manifest, wanted);
  return isLarge(manifest.layers) ? { later: read } : read();
}

async function readContent(search: Search, digest: Digest, manifest: OciImage, wanted: Referring): Promise<Read> {
  if (wanted.envelopes && holdsEnvelopes(manifest)) return readEnvelopes(search, manifest);
  const [layer, ...others] = manifest.layers;
  if (layer === undefined || others.length > 0 || !layer.mediaType.startsWith(bundleType)) {
    return [malformed(`referrer ${digest} is not one Sigstore bundle`)];
  }
  const blob = await readLayer(search, layer);
  return [blob.ok ? ok({ format: 'bundle', bundle: blob.value }) : blob];
}

function holdsEnvelopes({ layers }: OciImage): boolean {
  return layers.length > 0 && layers.every(({ mediaType }) => mediaType === envelopeType);
}

/**
 * They have a signature like every other, and are proven like every other. All are read before the first is proven, so
 * together they may be as large as one.
 */
async function readEnvelopes(search: Search, { layers }: OciImage): Promise<Read> {
  const most = search.limits.maxLayerBytes;
  const bytes = layers.reduce((sum, { size }) => sum + size, 0);
  if (bytes > most || layers.length > maxEnvelopes) {
    return [malformed(`a referrer holds more than ${maxEnvelopes} attestations, or more than ${most} bytes of them`)];
  }
  const artifacts: Result<SignatureArtifact>[] = [];
  for (const layer of layers) {
    const blob = await readLayer(search, layer);
    const { annotations } = layer;
    artifacts.push(blob.ok ? ok({ format: 'legacy-attestation', envelope: blob.value, annotations }) : blob);
  }
  return artifacts;
}

const maxEnvelopes = 16;
