/** An image as a registry held it when the real cosign had signed and judged it; one JSON file each. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DemoRegistry } from '../../src/demo/registry/serve.ts';
import { parseManifest } from '../../src/kernel/oci-manifest.ts';
import type { Digest } from '../../src/kernel/digest.ts';

export const frozenFolder = join(import.meta.dirname, '../fixtures/cosign');

export interface FrozenImage {
  readonly scene: string;
  /** The image that was asked about. */
  readonly digest: Digest;
  readonly manifests: readonly { readonly tag?: string; readonly mediaType: string; readonly content: string }[];
  /** Texts: configurations, payloads and bundles; layers of images are left out. */
  readonly blobs: readonly string[];
  /** Questions that cosign answered with yes, and with no. */
  readonly accepted: readonly string[];
  readonly refused: readonly string[];
}

type Stored = Pick<FrozenImage, 'manifests' | 'blobs'>;

export function freeze({ store }: DemoRegistry, repository: string, image: Digest): Stored {
  const manifests: FrozenImage['manifests'][number][] = [];
  const blobs = new Map<Digest, string>();
  const take = (reference: string, tag?: string): void => {
    const stored = store.manifest(repository, reference);
    if (stored === undefined) return;
    const content = Buffer.from(stored.bytes).toString();
    manifests.push({ ...(tag !== undefined && { tag }), mediaType: stored.mediaType, content });
    const parsed = parseManifest(stored.bytes);
    if (!parsed.ok) throw new Error(`${repository}: ${reference} is no manifest`);
    if (parsed.value.kind === 'index') {
      for (const { digest } of parsed.value.manifests) take(digest);
      return;
    }
    for (const { digest, mediaType } of [parsed.value.config, ...parsed.value.layers]) {
      const bytes = mediaType.endsWith('gzip') ? undefined : store.blob(repository, digest);
      if (bytes !== undefined) blobs.set(digest, Buffer.from(bytes).toString());
    }
  };
  if (!store.tags(repository).some((tag) => store.manifest(repository, tag)?.digest === image)) take(image);
  for (const tag of store.tags(repository)) take(tag, tag);
  return { manifests, blobs: [...blobs.values()] };
}

export function thaw(registry: DemoRegistry, frozen: FrozenImage): void {
  for (const blob of frozen.blobs) registry.putBlob(frozen.scene, Buffer.from(blob));
  for (const { tag, mediaType, content } of frozen.manifests) {
    registry.store.putManifest(frozen.scene, Buffer.from(content), mediaType, tag);
  }
}

export function writeFrozen(frozen: FrozenImage): void {
  writeFileSync(join(frozenFolder, 'images', `${frozen.scene}.json`), `${JSON.stringify(frozen, null, 1)}\n`);
}

export function readFrozen(): readonly FrozenImage[] {
  const folder = join(frozenFolder, 'images');
  // Our own files, of that form.
  return readdirSync(folder)
    .toSorted()
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as FrozenImage);
}
