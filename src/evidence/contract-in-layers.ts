/** Searches an image's layers for the contract, the uppermost first, until one answers. */
import { LayerSearch, type LayerAnswer } from '../contract/contract-in-layer.ts';
import { contractLabel } from '../contract/contract-places.ts';
import type { Digest } from '../kernel/digest.ts';
import { quoted } from '../kernel/failure.ts';
import type { OciDescriptor } from '../kernel/oci-manifest.ts';
import { fail, ok, type Result } from '../kernel/result.ts';
import type { CallOptions, Registry, Repository } from '../ports/registry.ts';
import { contractInvalid } from './contract-invalid.ts';
import { Unpack, type Compression } from './unpack.ts';

/** What the search through one image may cost, all of its platforms together. */
export interface SearchLimits {
  readonly downloadedBytes: number;
  readonly unpackedBytes: number;
  readonly entries: number;
}

export const defaultSearchLimits: SearchLimits = {
  downloadedBytes: 512 * 1024 * 1024,
  unpackedBytes: 1024 * 1024 * 1024,
  entries: 500_000,
};

/** How the known types of layers are compressed; undefined: in any way, for their type never said. */
const layerTypes = new Map<string, Compression | undefined>([
  ['application/vnd.oci.image.layer.v1.tar', undefined],
  ['application/vnd.oci.image.layer.v1.tar+gzip', 'gzip'],
  ['application/vnd.oci.image.layer.v1.tar+zstd', 'zstd'],
  ['application/vnd.docker.image.rootfs.diff.tar', undefined],
  ['application/vnd.docker.image.rootfs.diff.tar.gzip', 'gzip'],
  ['application/vnd.docker.image.rootfs.diff.tar.zstd', 'zstd'],
]);

export class LayersSearch {
  readonly #registry: Pick<Registry, 'streamBlob'>;
  readonly #repository: Repository;
  readonly #options: CallOptions;
  /** Platforms share layers, and images repeat empty ones. */
  readonly #known = new Map<Digest, LayerAnswer>();
  #left: SearchLimits;

  constructor(
    registry: Pick<Registry, 'streamBlob'>,
    repository: Repository,
    options: CallOptions,
    limits: SearchLimits,
  ) {
    this.#registry = registry;
    this.#repository = repository;
    this.#options = options;
    this.#left = limits;
  }

  async contract(layers: readonly OciDescriptor[]): Promise<Result<Uint8Array | undefined>> {
    for (const [index, layer] of [...layers.entries()].toReversed()) {
      const place = `layer ${index + 1} of ${layers.length} (${layer.digest})`;
      const answer = await this.#answerOf(layer);
      if (!answer.ok) return fail({ ...answer.failure, message: `${place}: ${answer.failure.message}` });
      const found = answer.value;
      if (found.kind === 'found') return ok(found.bytes);
      if (found.kind === 'hidden') return ok(undefined);
      if (found.kind === 'refused') return refusedLayer(place, found.why);
    }
    return ok(undefined);
  }

  async #answerOf(layer: OciDescriptor): Promise<Result<LayerAnswer>> {
    const known = this.#known.get(layer.digest);
    if (known !== undefined) return ok(known);
    const why = this.#whyNot(layer);
    const answer = why === undefined ? await this.#search(layer) : ok<LayerAnswer>({ kind: 'refused', why });
    if (answer.ok) this.#known.set(layer.digest, answer.value);
    return answer;
  }

  #whyNot({ mediaType, size }: OciDescriptor): string | undefined {
    if (!layerTypes.has(mediaType)) return `its type is "${quoted(mediaType, 100)}"`;
    const isLarger = size > this.#left.downloadedBytes;
    return isLarger ? 'with the layers above it, it is larger than what is downloaded for a contract' : undefined;
  }

  /** All of the layer goes by, whatever it says, because it counts only once the digest is proven. */
  async #search(layer: OciDescriptor): Promise<Result<LayerAnswer>> {
    const { unpackedBytes, entries } = this.#left;
    const search = new LayerSearch({ bytes: unpackedBytes, entries });
    const unpack = new Unpack(layerTypes.get(layer.mediaType), search);
    const streamed = await this.#registry.streamBlob(
      this.#repository,
      layer,
      (chunk) => unpack.write(chunk),
      this.#options,
    );
    const why = await unpack.end();
    this.#left = {
      downloadedBytes: this.#left.downloadedBytes - layer.size,
      unpackedBytes: unpackedBytes - search.used.bytes,
      entries: entries - search.used.entries,
    };
    if (!streamed.ok) return streamed;
    return ok(why === undefined ? search.end() : { kind: 'refused', why });
  }
}

function refusedLayer(place: string, why: string): Result<never> {
  return contractInvalid(
    `${place} cannot be searched: ${why}; the label ${contractLabel} makes the search unnecessary`,
  );
}
