import { digestOf, parseDigest, type Digest } from '../../kernel/digest.ts';
import { parseManifest } from '../../kernel/oci-manifest.ts';
import type { Descriptor } from '../../ports/registry.ts';

export interface StoredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

interface StoredRepository {
  readonly blobs: Map<Digest, Uint8Array>;
  readonly manifests: Map<Digest, StoredManifest>;
  readonly tags: Map<string, Digest>;
}

/** Thrown to whoever pushes. */
export class StoreFull extends Error {}

/** What a registry holds, in memory and capped. Takes any bytes as a manifest: tests push broken ones on purpose. */
export class RegistryStore {
  readonly #repositories = new Map<string, StoredRepository>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  has(repository: string): boolean {
    return this.#repositories.has(repository);
  }

  putBlob(repository: string, bytes: Uint8Array): Digest {
    const digest = digestOf(bytes);
    const { blobs } = this.#open(repository);
    const held = this.#held(digest);
    if (held === undefined) this.#reserve(bytes.length);
    blobs.set(digest, held ?? bytes);
    return digest;
  }

  blob(repository: string, digest: Digest): Uint8Array | undefined {
    return this.#repositories.get(repository)?.blobs.get(digest);
  }

  /** OCI dist-spec §mounting a blob from another repository */
  mount(from: string, to: string, digest: Digest): boolean {
    const bytes = this.blob(from, digest);
    if (bytes !== undefined) this.#open(to).blobs.set(digest, bytes);
    return bytes !== undefined;
  }

  putManifest(repository: string, bytes: Uint8Array, mediaType: string, tag?: string): Digest {
    const digest = digestOf(bytes);
    const { manifests, tags } = this.#open(repository);
    if (!manifests.has(digest)) this.#reserve(bytes.length);
    manifests.set(digest, { digest, mediaType, bytes });
    if (tag !== undefined) tags.set(tag, digest);
    return digest;
  }

  manifest(repository: string, reference: string): StoredManifest | undefined {
    const stored = this.#repositories.get(repository);
    const digest = parseDigest(reference) ?? stored?.tags.get(reference);
    return digest === undefined ? undefined : stored?.manifests.get(digest);
  }

  /** A tag, or a manifest with all its tags. False when there is none. */
  remove(repository: string, reference: string): boolean {
    const stored = this.#repositories.get(repository);
    const digest = parseDigest(reference);
    if (stored === undefined || digest === undefined) return stored?.tags.delete(reference) ?? false;
    for (const [tag, tagged] of stored.tags) if (tagged === digest) stored.tags.delete(tag);
    return stored.manifests.delete(digest);
  }

  tags(repository: string): readonly string[] {
    return [...(this.#repositories.get(repository)?.tags.keys() ?? [])].sort();
  }

  /** OCI dist-spec 1.1 §listing referrers */
  referrers(repository: string, subject: Digest): readonly Descriptor[] {
    const manifests = [...(this.#repositories.get(repository)?.manifests.values() ?? [])];
    return manifests.flatMap((stored) => referrer(stored, subject));
  }

  /** Layers that images share are held once. */
  #held(digest: Digest): Uint8Array | undefined {
    for (const { blobs } of this.#repositories.values()) {
      const bytes = blobs.get(digest);
      if (bytes !== undefined) return bytes;
    }
    return undefined;
  }

  #open(repository: string): StoredRepository {
    const known = this.#repositories.get(repository);
    if (known !== undefined) return known;
    const created: StoredRepository = { blobs: new Map(), manifests: new Map(), tags: new Map() };
    this.#repositories.set(repository, created);
    return created;
  }

  #reserve(size: number): void {
    if (this.#bytes + size > this.#maxBytes) throw new StoreFull(`this registry holds at most ${this.#maxBytes} bytes`);
    this.#bytes += size;
  }
}

function referrer(stored: StoredManifest, subject: Digest): readonly Descriptor[] {
  const parsed = parseManifest(stored.bytes);
  if (!parsed.ok || parsed.value.kind !== 'image' || parsed.value.subject?.digest !== subject) return [];
  const { artifactType = parsed.value.config.mediaType, annotations } = parsed.value;
  const { mediaType, digest, bytes } = stored;
  return [{ mediaType, digest, size: bytes.length, artifactType, annotations }];
}
