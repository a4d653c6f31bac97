/**
 * The container image, built by the Dockerfile without a daemon and kept in the cache folder until something that goes
 * into it changes.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { versionOfPackage } from '../../src/cli/version.ts';
import { cacheFolder } from '../cluster/builds.ts';
import { withLock } from '../cluster/lock.ts';
import { onPath } from '../cluster/programs.ts';
import { makeBuildBase, makeRunBase, npmFolder } from './base-images.ts';
import { Buildah } from './buildah.ts';

export interface BuiltImage {
  /** An OCI layout in a tar file, as `ctr images import` and `buildah pull oci-archive:` read it. */
  readonly archive: string;
  /** The same, unpacked. */
  readonly layout: string;
  /** Its name after an import. */
  readonly reference: string;
}

export const imageReference = 'localhost/countersign:test';
const root = join(import.meta.dirname, '..', '..');
const packages = 'buildah busybox-static libc-bin';

/** Why the image cannot be built on this machine, as a sentence; undefined when it can. */
export function imageObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'building an image needs root';
  const missing = ['buildah', 'busybox', 'ldd', 'tar'].filter((name) => onPath(name) === undefined);
  if (missing.length > 0) return `building an image needs ${missing.join(', ')}: apt-get install ${packages}`;
  if (npmFolder() === undefined) return 'building an image needs an npm that holds its own dependencies';
  return undefined;
}

/** A second call costs nothing as long as the Dockerfile and what it copies stay as they are. */
export async function buildImage(): Promise<BuiltImage> {
  const folder = join(cacheFolder, 'image');
  const stamp = stampOfInputs();
  const built = imageIn(join(folder, stamp));
  if (existsSync(built.archive)) return built;
  const waiting = (): void => say('another process is building the image, waiting for it');
  return withLock(join(cacheFolder, 'image.lock'), waiting, async () => {
    if (existsSync(built.archive)) return built;
    const started = performance.now();
    say('building the image, a minute the first time');
    const fresh = join(cacheFolder, 'image.new');
    await buildInto(fresh);
    // Of the other stamps nothing is needed any more.
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    renameSync(fresh, join(folder, stamp));
    say(`built the image in ${Math.round((performance.now() - started) / 1000)} s`);
    return built;
  });
}

/** Builds from nothing, into a folder that is made anew. */
export async function buildInto(folder: string): Promise<BuiltImage> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(join(tmpdir(), 'countersign-image-'));
  try {
    const buildah = new Buildah(work);
    await buildah.importBase(await makeBuildBase(join(work, 'build-base')), 'localhost/base:build');
    await buildah.importBase(await makeRunBase(join(work, 'run-base')), 'localhost/base:run');
    await buildah.build(root, imageReference, {
      BUILD_IMAGE: 'localhost/base:build',
      RUN_IMAGE: 'localhost/base:run',
      VERSION: versionOfPackage(),
      REVISION: 'test',
    });
    const image = imageIn(folder);
    await buildah.push(imageReference, image.layout);
    nameForImport(image.layout);
    await buildah.pack(image.layout, image.archive);
    return image;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const imageIn = (folder: string): BuiltImage => ({
  archive: join(folder, 'image.tar'),
  layout: join(folder, 'layout'),
  reference: imageReference,
});

/** Containerd takes the name from an annotation of its own. */
function nameForImport(layout: string): void {
  const file = join(layout, 'index.json');
  // buildah wrote it: OCI image-spec 1.1 §image-index.
  const index = JSON.parse(readFileSync(file, 'utf8')) as { manifests: { annotations?: Record<string, string> }[] };
  for (const manifest of index.manifests) {
    manifest.annotations = { ...manifest.annotations, 'io.containerd.image.name': imageReference };
  }
  writeFileSync(file, JSON.stringify(index));
}

/** Everything that decides what is in the image. */
function stampOfInputs(): string {
  const hash = createHash('sha256').update(process.version);
  const files = ['Dockerfile', '.dockerignore', 'package.json', 'package-lock.json', 'LICENSE', ...inFolder('src')];
  for (const file of [...files, ...inFolder('test/image')]) {
    if (!file.endsWith('.test.ts')) hash.update(`${file}\0`).update(readFileSync(join(root, file)));
  }
  return hash.digest('hex').slice(0, 16);
}

function inFolder(folder: string): readonly string[] {
  const entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true });
  return entries
    .flatMap((entry) => (entry.isFile() ? [join(entry.parentPath.slice(root.length + 1), entry.name)] : []))
    .toSorted();
}

function say(line: string): void {
  process.stderr.write(`image: ${line}\n`);
}
