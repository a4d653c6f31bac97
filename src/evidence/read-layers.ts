/** Reads what manifests name, within the limits of a search. What is malformed or too much is told as a failure. */
import type { Digest } from '../kernel/digest.ts';
import { failure, type Failure } from '../kernel/failure.ts';
import { parseManifest, type OciDescriptor, type OciImage } from '../kernel/oci-manifest.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import type { SignatureArtifact } from '../policy/facts.ts';
import type { CallOptions, Registry, Repository } from '../ports/registry.ts';
import type { Turns } from './turns.ts';

/**
 * An artifact or the reason why a part of them could not be read; it must not end the reading, because a good signature
 * in one format is good whatever happens to the other.
 */
export type Found = AsyncGenerator<Result<SignatureArtifact>>;

/** Where and what a search reads. */
export interface Search {
  readonly registry: Registry;
  readonly from: Repository;
  readonly image: Digest;
  readonly options: CallOptions;
  readonly limits: SearchLimits;
  /** For what is large; absent: it is read at once. */
  readonly turns?: Turns;
}

export interface SearchLimits {
  /** Bytes of one layer. */
  readonly maxLayerBytes: number;
  /** Of each format. cosign fetches 100 at most. GHSA-vfp6-jrw2-99g9: endless signatures */
  readonly maxFound: number;
}

/** The image manifest by that name; undefined when the registry has none. */
export async function readImageManifest(
  search: Search,
  reference: string,
  maxBytes = Number.POSITIVE_INFINITY,
): Promise<Result<OciImage | undefined>> {
  const found = await search.registry.manifest(search.from, reference, search.options);
  if (!found.ok) return found;
  if (found.value === undefined) return ok(undefined);
  const { bytes } = found.value;
  if (bytes.length > maxBytes)
    return malformed(`the manifest ${reference} has ${bytes.length} bytes, more than ${maxBytes} allowed`);
  const manifest = parseManifest(bytes);
  if (!manifest.ok) return manifest;
  return manifest.value.kind === 'image' ? ok(manifest.value) : malformed(`${reference} is not an image manifest`);
}

/** GHSA-88jx-383q-w4qc: what is too large is refused by its descriptor, before it is read. */
export async function readLayer(search: Search, layer: OciDescriptor): Promise<Result<Uint8Array>> {
  const { maxLayerBytes } = search.limits;
  if (layer.size > maxLayerBytes) {
    return malformed(`${layer.digest} has ${layer.size} bytes, more than ${maxLayerBytes} allowed`);
  }
  const blob = await search.registry.blob(search.from, layer.digest, maxLayerBytes, search.options);
  if (blob.ok && blob.value.length !== layer.size)
    return malformed(`${layer.digest} is not as long as its descriptor says`);
  return blob;
}

/** Proving takes some times the size of what is proven, and a hundred Pods may ask for it at the same time. */
const largeBytes = 1024 * 1024;

export function isLarge(layers: readonly OciDescriptor[]): boolean {
  return layers.reduce((sum, { size }) => sum + size, 0) > largeBytes;
}

/** Read in turn, and held until whoever asked has proven it and asks for the next. */
export async function* readInTurn(
  { turns, options }: Search,
  read: () => Promise<readonly Result<SignatureArtifact>[]>,
): Found {
  const end = turns === undefined ? () => undefined : await turns.begin(options.signal);
  if (end === undefined) {
    yield fail(failure('DEADLINE_EXCEEDED', 'large attestations were read for others until there was no time left', 2));
    return;
  }
  try {
    yield* await read();
  } finally {
    end();
  }
}

export function malformed(message: string): { readonly ok: false; readonly failure: Failure } {
  return fail(failure('SIGNATURE_MALFORMED', message));
}

export function tooMany(
  count: number,
  { limits }: Search,
  what: 'signatures' | 'attestations',
): { readonly ok: false; readonly failure: Failure } {
  return fail(
    failure('TOO_MANY_SIGNATURES', `${count} ${what}, of which the first ${limits.maxFound} were tried and none fits`),
  );
}
