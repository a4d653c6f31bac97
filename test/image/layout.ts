/** What an image in an OCI layout says about itself, and what is in it. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { DemoRegistry } from '../../src/demo/registry/serve.ts';
import type { Digest } from '../../src/kernel/digest.ts';

const run = promisify(execFile);

interface Descriptor {
  readonly digest: string;
}

// OCI image-spec 1.1 §config
export interface ImageConfig {
  readonly created: string;
  readonly config: {
    readonly User: string;
    readonly Entrypoint: readonly string[];
    readonly Cmd: readonly string[];
    readonly Env: readonly string[];
    readonly WorkingDir: string;
    readonly Labels: Readonly<Record<string, string>>;
  };
  readonly history: readonly { readonly created_by?: string }[];
}

/** The manifest names the layers by digest, the last one is ours. */
export interface Layout {
  readonly digest: string;
  readonly config: ImageConfig;
  readonly configDigest: string;
  readonly layers: readonly string[];
  readonly blob: (digest: string) => string;
}

export function readLayout(folder: string): Layout {
  const blob = (digest: string): string => join(folder, 'blobs', digest.replace(':', '/'));
  // buildah wrote all three: OCI image-spec 1.1.
  const parse = <T>(file: string): T => JSON.parse(readFileSync(file, 'utf8')) as T;
  const index = parse<{ manifests: readonly Descriptor[] }>(join(folder, 'index.json'));
  const digest = index.manifests[0]?.digest ?? '';
  const manifest = parse<{ config: Descriptor; layers: readonly Descriptor[] }>(blob(digest));
  const layers = manifest.layers.map((layer) => layer.digest);
  const configDigest = manifest.config.digest;
  return { digest, config: parse(blob(configDigest)), configDigest, layers, blob };
}

/** Puts it into a registry; gives the digest of its manifest. */
export function pushTo(
  registry: Pick<DemoRegistry, 'putBlob' | 'putManifest'>,
  repository: string,
  { digest, configDigest, layers, blob }: Layout,
  tag: string,
): Digest {
  for (const part of [configDigest, ...layers]) registry.putBlob(repository, readFileSync(blob(part)));
  return registry.putManifest(repository, readFileSync(blob(digest)), tag);
}

/** Makes a root file system of all layers. */
export async function unpack({ layers, blob }: Layout, folder: string): Promise<void> {
  mkdirSync(folder);
  for (const layer of layers) {
    await run('tar', ['--extract', '--gzip', '--same-owner', '--file', blob(layer), '--directory', folder]);
  }
}

/** Paths that a layer has, folders with a slash at the end. */
export async function pathsOf({ blob }: Layout, layer: string): Promise<readonly string[]> {
  const { stdout } = await run('tar', ['--list', '--gzip', '--file', blob(layer)], { maxBuffer: 16 * 1024 * 1024 });
  return stdout.split('\n').filter((path) => path !== '');
}
