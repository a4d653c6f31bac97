import { digestOf, type Digest } from '../kernel/digest.ts';
import { failure, type Failure } from '../kernel/failure.ts';
import { parseManifest, type OciDescriptor } from '../kernel/oci-manifest.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import type { SignatureArtifact } from '../policy/facts.ts';
import type { SignaturesQuestion } from '../policy/question.ts';
import type { CallOptions, Descriptor, Registry, Repository } from '../ports/registry.ts';
import { legacyTag, signatureRepository } from './signature-location.ts';
import { usualPayload } from './usual-payload.ts';

/**
 * Finds everything at a registry that may be a signature of an image, format by format, lazily: whoever reads stops as
 * soon as one is good. An item is an artifact or the reason why a part of them could not be read; it must not end the
 * reading, because a good signature in one format is good whatever happens to the other.
 */
export type Found = AsyncGenerator<Result<SignatureArtifact>>;

/** cosign fetches 100 at most. GHSA-vfp6-jrw2-99g9: endless signatures */
const maxSignatures = 100;
const maxPayloadBytes = 1024 * 1024;
const maxBundleBytes = 4 * 1024 * 1024;
/** Bundles are read a few at a time: two requests each, and the one that is wanted may be last. */
const batch = 4;

const bundleType = 'application/vnd.dev.sigstore.bundle';
const simpleSigningType = 'application/vnd.dev.cosign.simplesigning.v1+json';
const signPredicate = 'https://sigstore.dev/cosign/sign/v1';

export async function* findSignatures(registry: Registry, question: SignaturesQuestion, options: CallOptions): Found {
  const repository = signatureRepository(question.image, question.source);
  if (!repository.ok) {
    yield repository;
    return;
  }
  const from = repository.value;
  // Bundles first: cosign 3 writes them by default, and a registry with the referrers API tells in one request.
  if (question.format !== 'legacy') yield* findBundles(registry, from, question.image.digest, options);
  if (question.format !== 'bundle') {
    yield* findLegacySignatures(registry, from, question, options);
  }
}

async function* findBundles(registry: Registry, from: Repository, image: Digest, options: CallOptions): Found {
  const seen = new Set<Digest>();
  for await (const listed of registry.referrers(from, image, options)) {
    if (!listed.ok) {
      yield listed;
      continue;
    }
    const candidates = listed.value.filter((it) => mayBeBundle(it) && !seen.has(it.digest)).sort(signaturesFirst);
    const some = candidates.slice(0, maxSignatures - seen.size);
    for (const { digest } of candidates) seen.add(digest);
    for (let start = 0; start < some.length; start += batch) {
      const next = some.slice(start, start + batch);
      yield* await Promise.all(next.map((descriptor) => readBundle(registry, from, image, descriptor, options)));
    }
    if (seen.size > maxSignatures) {
      yield tooMany(seen.size);
      return;
    }
  }
}

/** The fallback tag lists an odd artifact type for bundles, so only types that certainly are something else drop out. */
function mayBeBundle(descriptor: Descriptor): boolean {
  const type = descriptor.artifactType;
  return type === undefined || type.startsWith(bundleType) || type === 'application/vnd.oci.empty.v1+json';
}

/** A hint that anyone may write, so it only orders. */
function signaturesFirst(a: Descriptor, b: Descriptor): number {
  const rank = (descriptor: Descriptor): number => {
    const predicate = descriptor.annotations['dev.sigstore.bundle.predicateType'];
    return predicate === undefined || predicate === signPredicate ? 0 : 1;
  };
  return rank(a) - rank(b);
}

async function readBundle(
  registry: Registry,
  from: Repository,
  image: Digest,
  descriptor: Descriptor,
  options: CallOptions,
): Promise<Result<SignatureArtifact>> {
  const found = await registry.manifest(from, descriptor.digest, options);
  if (!found.ok) return found;
  if (found.value === undefined) return malformed(`referrer ${descriptor.digest} is listed but missing`);
  const manifest = parseManifest(found.value.bytes);
  if (!manifest.ok) return manifest;
  if (manifest.value.kind !== 'image') return malformed(`referrer ${descriptor.digest} is not an image manifest`);
  const [layer, ...others] = manifest.value.layers;
  if (layer === undefined || others.length > 0 || !layer.mediaType.startsWith(bundleType)) {
    return malformed(`referrer ${descriptor.digest} is not one Sigstore bundle`);
  }
  // The statement inside proves what is signed; this only sorts out what was listed for another image.
  if (manifest.value.subject?.digest !== image) return malformed(`referrer ${descriptor.digest} has another subject`);
  const blob = await readLayer(registry, from, layer, maxBundleBytes, options);
  return blob.ok ? ok({ format: 'bundle', bundle: blob.value }) : blob;
}

async function* findLegacySignatures(
  registry: Registry,
  from: Repository,
  { image, source }: SignaturesQuestion,
  options: CallOptions,
): Found {
  const tag = legacyTag(image.digest, source);
  const found = await registry.manifest(from, tag, options);
  if (!found.ok) {
    yield found;
    return;
  }
  if (found.value === undefined) return;
  const manifest = parseManifest(found.value.bytes);
  if (!manifest.ok) {
    yield manifest;
    return;
  }
  if (manifest.value.kind !== 'image') {
    yield malformed(`${tag} is not an image manifest`);
    return;
  }
  const layers = manifest.value.layers.filter((layer) => layer.mediaType === simpleSigningType);
  // Several signatures of one image mostly share one payload, and mostly it is the usual one.
  const usual = usualPayload(image);
  const payloads = new Map<string, Promise<Result<Uint8Array>>>([[digestOf(usual), Promise.resolve(ok(usual))]]);
  for (const layer of layers.slice(0, maxSignatures)) {
    const payload = payloads.get(layer.digest) ?? readLayer(registry, from, layer, maxPayloadBytes, options);
    payloads.set(layer.digest, payload);
    const bytes = await payload;
    yield bytes.ok ? ok({ format: 'legacy', payload: bytes.value, annotations: layer.annotations }) : bytes;
  }
  if (layers.length > maxSignatures) yield tooMany(layers.length);
}

async function readLayer(
  registry: Registry,
  from: Repository,
  layer: OciDescriptor,
  maxBytes: number,
  options: CallOptions,
): Promise<Result<Uint8Array>> {
  if (layer.size > maxBytes) return malformed(`${layer.digest} has ${layer.size} bytes, more than ${maxBytes} allowed`);
  const blob = await registry.blob(from, layer.digest, maxBytes, options);
  if (blob.ok && blob.value.length !== layer.size)
    return malformed(`${layer.digest} is not as long as its descriptor says`);
  return blob;
}

function malformed(message: string): { readonly ok: false; readonly failure: Failure } {
  return fail(failure('SIGNATURE_MALFORMED', message));
}

function tooMany(count: number): { readonly ok: false; readonly failure: Failure } {
  return fail(
    failure('TOO_MANY_SIGNATURES', `${count} signatures, of which the first ${maxSignatures} were tried and none fits`),
  );
}
