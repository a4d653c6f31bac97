/** Images put together from layers of any bytes, as Docker and as OCI write them. */
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { contractFile, contractLabel } from '../../src/contract/contract-places.ts';
import { digestOf, type Digest } from '../../src/kernel/digest.ts';
import type { DemoRegistry } from '../../src/demo/registry/serve.ts';
import { tar, type EntrySpec } from '../contract/tar-kit.ts';

export interface Layer {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  /** What the manifest says, when that is not so. */
  readonly digest?: Digest;
  readonly size?: number;
}

export interface LayeredImage {
  readonly layers?: readonly Layer[];
  readonly labels?: Readonly<Record<string, unknown>>;
  /** In place of the configuration that goes with the labels. */
  readonly config?: string;
  readonly docker?: boolean;
}

export interface Pushed {
  readonly digest: Digest;
  readonly size: number;
}

export const repository = 'app';
export const ociLayer = 'application/vnd.oci.image.layer.v1.tar';
export const dockerLayer = 'application/vnd.docker.image.rootfs.diff.tar.gzip';

const oci = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
};
const docker = {
  manifest: 'application/vnd.docker.distribution.manifest.v2+json',
  index: 'application/vnd.docker.distribution.manifest.list.v2+json',
  config: 'application/vnd.docker.container.image.v1+json',
};

type Pushes = Pick<DemoRegistry, 'putBlob' | 'putManifest'>;

type Files = readonly (Buffer | EntrySpec)[];

export function gzipLayer(...files: Files): Layer {
  return { mediaType: `${ociLayer}+gzip`, bytes: gzipSync(tar(...files)) };
}

export function zstdLayer(...files: Files): Layer {
  return { mediaType: `${ociLayer}+zstd`, bytes: zstdCompressSync(tar(...files)) };
}

export function plainLayer(...files: Files): Layer {
  return { mediaType: ociLayer, bytes: tar(...files) };
}

export function contractEntry(text = contractText()): EntrySpec {
  return { name: contractFile, content: text };
}

export function labelled(text = contractText()): LayeredImage {
  return { labels: { [contractLabel]: text } };
}

export function contractText(name = 'git-clone'): string {
  return `apiVersion: kubernaut.ai/v1alpha1
kind: ActionContract
metadata: { name: ${name}, version: v1.0.0 }
spec:
  description: Clone a repository
  resources: { requests: { cpu: 100m, memory: 128Mi }, limits: { cpu: 500m, memory: 512Mi } }
  securityContext: { runAsNonRoot: true, runAsUser: 1000 }
`;
}

export function push(registry: Pushes, image: LayeredImage): Pushed {
  const { layers = [], labels, config = JSON.stringify({ config: { Labels: labels } }) } = image;
  const types = image.docker === true ? docker : oci;
  const configBytes = Buffer.from(config);
  const manifest = {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: { mediaType: types.config, digest: registry.putBlob(repository, configBytes), size: configBytes.length },
    layers: layers.map(({ mediaType, bytes, digest = registry.putBlob(repository, bytes), size = bytes.length }) => {
      return { mediaType, digest, size };
    }),
  };
  return { digest: registry.putManifest(repository, manifest), size: JSON.stringify(manifest).length };
}

/** A layer that nobody may ask for: the registry does not have it. */
export function absentLayer(size: number): Layer {
  return { mediaType: `${ociLayer}+gzip`, bytes: Buffer.alloc(0), digest: digestOf(`absent ${size}`), size };
}

/** Platforms as "os/architecture/variant"; empty for none. */
export function pushIndex(
  registry: Pushes,
  platforms: readonly (readonly [platform: string, Pushed])[],
  isDocker = false,
): Pushed {
  const types = isDocker ? docker : oci;
  const manifests = platforms.map(([platform, { digest, size }]) => {
    const [os, architecture, variant] = platform.split('/');
    return {
      mediaType: types.manifest,
      digest,
      size,
      ...(os === '' ? {} : { platform: { os, architecture, variant } }),
    };
  });
  const index = { schemaVersion: 2, mediaType: types.index, manifests };
  return { digest: registry.putManifest(repository, index), size: JSON.stringify(index).length };
}
