/** Changes what cosign has pushed, so that every digest and size still fits. */
import { attachLegacy } from '../../src/demo/images/legacy.ts';
import type { DemoRegistry } from '../../src/demo/registry/serve.ts';
import { hexOf, parseDigest, type Digest } from '../../src/kernel/digest.ts';
import type { LabImage } from './lab.ts';

interface DescriptorJson {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}
interface ManifestJson {
  readonly layers: readonly DescriptorJson[];
  readonly subject?: DescriptorJson;
}
interface IndexJson {
  readonly manifests: readonly DescriptorJson[];
}

const signatureTag = (digest: Digest): string => `sha256-${hexOf(digest)}.sig`;
const referrersTag = (digest: Digest): string => `sha256-${hexOf(digest)}`;

/** What cosign pushed is well-formed; whoever asks for something else has a mistake in the test. */
function read<T>(registry: DemoRegistry, repository: string, reference: string): T {
  const stored = registry.store.manifest(repository, reference);
  if (stored === undefined) throw new Error(`${repository} has no ${reference}`);
  return JSON.parse(Buffer.from(stored.bytes).toString()) as T;
}

function readBlob(registry: DemoRegistry, repository: string, digest: string): Buffer {
  const parsed = parseDigest(digest);
  const bytes = parsed === undefined ? undefined : registry.store.blob(repository, parsed);
  if (bytes === undefined) throw new Error(`${repository} has no blob ${digest}`);
  return Buffer.from(bytes);
}

export interface Layer {
  readonly payload: Buffer;
  readonly annotations: Readonly<Record<string, string>>;
}

function readLegacy({ registry, repository, digest }: Pushed): readonly Layer[] {
  const { layers } = read<ManifestJson>(registry, repository, signatureTag(digest));
  return layers.map((layer) => ({
    payload: readBlob(registry, repository, layer.digest),
    annotations: layer.annotations ?? {},
  }));
}

interface Pushed extends Pick<LabImage, 'repository' | 'digest'> {
  readonly registry: DemoRegistry;
}

export function editLegacy(registry: DemoRegistry, image: LabImage, edit: (layer: Layer) => Layer): void {
  const layers = readLegacy({ ...image, registry }).map(edit);
  attachLegacy(
    registry,
    image,
    layers.map((layer) => ({ format: 'legacy', ...layer })),
  );
}

export function moveLegacy(registry: DemoRegistry, from: LabImage, to: LabImage): void {
  const manifest = read<object>(registry, from.repository, signatureTag(from.digest));
  registry.putManifest(to.repository, manifest, signatureTag(to.digest));
}

/** With the subject of each manifest changed as well: only the signed statement still names the other image. */
export function moveReferrers(registry: DemoRegistry, from: LabImage, to: LabImage): void {
  const { manifests, ...rest } = read<IndexJson>(registry, from.repository, referrersTag(from.digest));
  const moved = manifests.map((descriptor) => {
    const manifest = read<ManifestJson>(registry, from.repository, descriptor.digest);
    const changed = { ...manifest, subject: { ...manifest.subject, digest: to.digest, size: to.size } };
    return pushed(registry, to.repository, descriptor, changed);
  });
  registry.putManifest(to.repository, { ...rest, manifests: moved }, referrersTag(to.digest));
}

function pushed(
  registry: DemoRegistry,
  repository: string,
  descriptor: DescriptorJson,
  manifest: object,
): DescriptorJson {
  const bytes = Buffer.from(JSON.stringify(manifest));
  return { ...descriptor, digest: registry.putManifest(repository, bytes), size: bytes.length };
}

export interface BundleJson {
  readonly verificationMaterial: object;
  readonly dsseEnvelope: { readonly payload: string; readonly signatures: readonly object[] };
}

export function editBundle(
  registry: DemoRegistry,
  { repository, digest }: LabImage,
  edit: (bundle: BundleJson) => unknown,
): void {
  const { manifests, ...rest } = read<IndexJson>(registry, repository, referrersTag(digest));
  const edited = manifests.map((descriptor) => {
    const manifest = read<ManifestJson>(registry, repository, descriptor.digest);
    const layers = manifest.layers.map((layer) => {
      const bundle = JSON.parse(readBlob(registry, repository, layer.digest).toString()) as BundleJson;
      const bytes = Buffer.from(asText(edit(bundle)));
      return { ...layer, digest: registry.putBlob(repository, bytes), size: bytes.length };
    });
    return pushed(registry, repository, descriptor, { ...manifest, layers });
  });
  registry.putManifest(repository, { ...rest, manifests: edited }, referrersTag(digest));
}

const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** The payload that cosign would sign, with another type where a test wants one. */
export function claim(digest: Digest, type = 'cosign container image signature'): string {
  const critical = { identity: { 'docker-reference': '' }, image: { 'docker-manifest-digest': digest }, type };
  return JSON.stringify({ critical, optional: null });
}

export function pushClaim(registry: DemoRegistry, image: LabImage, payload: Buffer, signature: Buffer): void {
  const annotations = { 'dev.cosignproject.cosign/signature': signature.toString('base64') };
  attachLegacy(registry, image, [{ format: 'legacy', payload, annotations }]);
}
