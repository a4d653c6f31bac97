/** A container image that runs, made of this machine's static busybox alone; it serves as pause image too. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { onPath } from './programs.ts';
import { tar, type TarEntry } from './tar.ts';

export interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly bytes: Buffer;
}

export interface Image {
  readonly manifest: Blob;
  readonly config: Blob;
  readonly layer: Blob;
}

/** What is in an image beside busybox. */
export interface Additions {
  readonly entries?: readonly TarEntry[];
  readonly labels?: Readonly<Record<string, string>>;
  /** Number of the user that it runs as; root unless given. */
  readonly user?: string;
  readonly entrypoint?: readonly string[];
}

/** `command` is what a container of it runs. Different commands make images with different digests. */
export function busyboxImage(
  command: readonly string[],
  { entries = [], labels = {}, user = '', entrypoint = [] }: Additions = {},
): Image {
  const busybox = onPath('busybox');
  if (busybox === undefined) throw new Error('busybox is not installed');
  const applets = spawnSync(busybox, ['--list'], { encoding: 'utf8' }).stdout.split('\n');
  const files = [
    { kind: 'folder', path: 'bin/', mode: 0o755 },
    { kind: 'folder', path: 'tmp/', mode: 0o1777 },
    { kind: 'file', path: 'bin/busybox', content: readFileSync(busybox), executable: true },
    ...applets.filter((name) => !['', 'busybox'].includes(name)).map(toApplet),
    ...entries,
  ] as const;
  return imageOf(files, { Env: ['PATH=/bin'], Entrypoint: entrypoint, Cmd: command, Labels: labels, User: user });
}

/** An image of one layer; `config` is what the image says about its containers. */
export function imageOf(entries: readonly TarEntry[], settings: object): Image {
  const files = tar(entries);
  const layer = blob('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(files, { level: 1 }));
  const config = json('application/vnd.oci.image.config.v1+json', {
    architecture: { x64: 'amd64' }[String(process.arch)] ?? process.arch,
    os: 'linux',
    config: settings,
    rootfs: { type: 'layers', diff_ids: [digestOf(files)] },
  });
  const manifest = json('application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor(config),
    layers: [descriptor(layer)],
  });
  return { manifest, config, layer };
}

const toApplet = (name: string): TarEntry => ({ kind: 'link', path: `bin/${name}`, target: 'busybox' });

/** The OCI layout archive that `ctr images import` reads. */
export function toArchive(image: Image, name: string): Buffer {
  const index = {
    schemaVersion: 2,
    manifests: [{ ...descriptor(image.manifest), annotations: { 'io.containerd.image.name': name } }],
  };
  const blobs = [image.manifest, image.config, image.layer];
  return tar([
    { kind: 'file', path: 'oci-layout', content: Buffer.from('{"imageLayoutVersion":"1.0.0"}') },
    { kind: 'file', path: 'index.json', content: Buffer.from(JSON.stringify(index)) },
    ...blobs.map(({ digest, bytes }): TarEntry => ({
      kind: 'file',
      path: `blobs/${digest.replace(':', '/')}`,
      content: bytes,
    })),
  ]);
}

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const blob = (mediaType: string, bytes: Buffer): Blob => ({ mediaType, digest: digestOf(bytes), bytes });
const json = (mediaType: string, value: unknown): Blob => blob(mediaType, Buffer.from(JSON.stringify(value)));
const descriptor = ({ mediaType, digest, bytes }: Blob): Record<string, unknown> => ({
  mediaType,
  digest,
  size: bytes.length,
});
