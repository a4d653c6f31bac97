/** Real, minimal OCI images, made and pushed without a build tool. */
import { gzipSync } from 'node:zlib';
import { digestOf, type Digest } from '../../kernel/digest.ts';
import type { DemoRegistry } from './serve.ts';

export interface ImageSpec {
  readonly repository: string;
  readonly tag?: string;
  /** Labels in the image's configuration. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Path to content, all in one layer; without it one file that names the image. */
  readonly files?: Readonly<Record<string, string>>;
  readonly entrypoint?: readonly string[];
  readonly architecture?: string;
  readonly user?: string;
}

export interface IndexSpec {
  readonly repository: string;
  readonly tag?: string;
  /** Platform images, pushed before. */
  readonly manifests: readonly { readonly digest: Digest; readonly size: number; readonly architecture: string }[];
}

const imageType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';

type Pushes = Pick<DemoRegistry, 'putBlob' | 'putManifest'>;

export function pushImage(registry: Pushes, spec: ImageSpec): { readonly digest: Digest; readonly size: number } {
  const { repository, architecture = 'amd64', labels = {}, entrypoint = ['/bin/true'], user } = spec;
  const files = spec.files ?? { 'etc/image': `${repository}:${spec.tag ?? ''}\n` };
  const tar = tarOf(files);
  const layer = gzipSync(tar);
  const config = Buffer.from(
    JSON.stringify({
      architecture,
      os: 'linux',
      config: { Entrypoint: entrypoint, Labels: labels, User: user },
      rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
    }),
  );
  const manifest = {
    schemaVersion: 2,
    mediaType: imageType,
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: registry.putBlob(repository, config),
      size: config.length,
    },
    layers: [
      {
        mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
        digest: registry.putBlob(repository, layer),
        size: layer.length,
      },
    ],
  };
  const digest = registry.putManifest(repository, manifest, spec.tag);
  return { digest, size: JSON.stringify(manifest).length };
}

export function pushIndex(registry: Pushes, { repository, tag, manifests }: IndexSpec): Digest {
  const index = {
    schemaVersion: 2,
    mediaType: indexType,
    manifests: manifests.map(({ digest, size, architecture }) => ({
      mediaType: imageType,
      digest,
      size,
      platform: { os: 'linux', architecture },
    })),
  };
  return registry.putManifest(repository, index, tag);
}

/** POSIX ustar; enough for files with short names. */
function tarOf(files: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(files).flatMap(([name, text]) => {
    const content = Buffer.from(text);
    return [tarHeader(name, content.length), content, Buffer.alloc(-content.length & 511)];
  });
  return Buffer.concat([...entries, Buffer.alloc(1024)]);
}

function tarHeader(name: string, size: number): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;
  const fields = [
    [0, name],
    [100, octal(0o755, 8)],
    [108, octal(0, 8)],
    [116, octal(0, 8)],
    [124, octal(size, 12)],
    [136, octal(0, 12)],
    [148, ' '.repeat(8)],
    [156, '0'],
    [257, 'ustar\u000000'],
  ] as const;
  for (const [offset, text] of fields) header.write(text, offset, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}
