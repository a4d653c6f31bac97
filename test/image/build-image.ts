/**
 * The container image, built by the Dockerfile without a daemon and kept in the cache folder until something that goes
 * into it changes.
 */
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { versionOfPackage } from '../../src/cli/version.ts';
import { cacheFolder } from '../cluster/builds.ts';
import { withLock } from '../cluster/lock.ts';
import { onPath } from '../cluster/programs.ts';
import { makeBuildBase, makeRunBase, makeSystemBase, npmFolder } from './base-images.ts';
import { Buildah } from './buildah.ts';

export interface BuiltImage {
  /** The files of the repository that it was built from. */
  readonly context: string;
  /** An OCI layout in a tar file, as `ctr images import` and `buildah pull oci-archive:` read it. */
  readonly archive: string;
  /** The same, unpacked. */
  readonly layout: string;
  /** Its name after an import. */
  readonly reference: string;
}

/** One of the images that the Dockerfile makes. */
interface Recipe {
  /** Its name after an import. */
  readonly reference: string;
  /** In the cache. */
  readonly kept: string;
  /** The last one of the Dockerfile unless another one is named. */
  readonly stage?: string;
}

const gate: Recipe = { reference: 'localhost/countersign:test', kept: 'image' };
const system: Recipe = { reference: 'localhost/countersign-system:test', kept: 'system-image', stage: 'system' };
const repository = join(import.meta.dirname, '..', '..');
const packages = 'buildah busybox-static libc-bin git openssh-client';

/** Why the image cannot be built on this machine, as a sentence; undefined when it can. */
export function imageObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'building an image needs root';
  const missing = ['buildah', 'busybox', 'ldd', 'tar', 'git', 'ssh'].filter((name) => onPath(name) === undefined);
  if (missing.length > 0) return `building an image needs ${missing.join(', ')}: apt-get install ${packages}`;
  if (npmFolder() === undefined) return 'building an image needs an npm that holds its own dependencies';
  return undefined;
}

/** A second call costs nothing as long as the Dockerfile and what it copies stay as they are. */
export function buildImage(): Promise<BuiltImage> {
  return buildOnce(gate);
}

/** The one with git and ssh, which init containers of Tasks run. */
export function buildSystemImage(): Promise<BuiltImage> {
  return buildOnce(system);
}

function buildOnce(recipe: Recipe): Promise<BuiltImage> {
  const folder = join(cacheFolder, recipe.kept);
  const waiting = (): void => say('another process is building an image, waiting for it');
  return withLock(join(cacheFolder, 'image.lock'), waiting, async () => {
    mkdirSync(folder, { recursive: true });
    // A copy, so that a source that changes during the build does not end up in an image that is kept under another stamp.
    const fresh = mkdtempSync(join(folder, 'new-'));
    try {
      const stamp = copyInputs(join(fresh, 'context'));
      const kept = join(folder, stamp);
      if (!existsSync(imageIn(kept, recipe).archive)) {
        await buildInto(fresh, recipe);
        renameSync(fresh, kept);
      }
      utimesSync(kept, new Date(), new Date());
      removeOld(folder);
      return imageIn(kept, recipe);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  });
}

/** Builds from nothing, out of the folder `context` in `folder`. */
export async function buildInto(folder: string, recipe: Recipe = gate): Promise<BuiltImage> {
  const started = performance.now();
  const { reference, stage } = recipe;
  say(`building ${reference}, half a minute`);
  const work = mkdtempSync(join(tmpdir(), 'countersign-image-'));
  try {
    const buildah = new Buildah(work);
    await buildah.importBase(await makeBuildBase(join(work, 'build-base')), 'localhost/base:build');
    await buildah.importBase(await makeRunBase(join(work, 'run-base')), 'localhost/base:run');
    if (stage !== undefined)
      await buildah.importBase(await makeSystemBase(join(work, 'system-base')), 'localhost/base:system');
    const image = imageIn(folder, recipe);
    const args = {
      BUILD_IMAGE: 'localhost/base:build',
      RUN_IMAGE: 'localhost/base:run',
      SYSTEM_IMAGE: 'localhost/base:system',
      VERSION: versionOfPackage(),
      REVISION: 'test',
    };
    await buildah.build(image.context, reference, args, stage);
    await buildah.push(reference, image.layout);
    nameForImport(image);
    await buildah.pack(image.layout, image.archive);
    say(`built ${reference} in ${Math.round((performance.now() - started) / 1000)} s`);
    return image;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const imageIn = (folder: string, { reference }: Recipe): BuiltImage => ({
  context: join(folder, 'context'),
  archive: join(folder, 'image.tar'),
  layout: join(folder, 'layout'),
  reference,
});

/** Containerd takes the name from an annotation of its own. */
function nameForImport({ layout, reference }: BuiltImage): void {
  const file = join(layout, 'index.json');
  // buildah wrote it: OCI image-spec 1.1 §image-index.
  const index = JSON.parse(readFileSync(file, 'utf8')) as { manifests: { annotations?: Record<string, string> }[] };
  for (const manifest of index.manifests) {
    manifest.annotations = { ...manifest.annotations, 'io.containerd.image.name': reference };
  }
  writeFileSync(file, JSON.stringify(index));
}

/** Copies what the Dockerfile may see; the result is a stamp of that and of this way to build. */
function copyInputs(context: string): string {
  const inputs = ['.dockerignore', 'Dockerfile', 'LICENSE', 'package-lock.json', 'package.json'].concat(
    inFolder('src'),
  );
  const hash = createHash('sha256').update(process.version);
  for (const file of inputs) {
    cpSync(join(repository, file), join(context, file));
    hash.update(`${file}\0`).update(readFileSync(join(context, file)));
  }
  for (const file of inFolder('test/image')) {
    if (!file.endsWith('.test.ts')) hash.update(readFileSync(join(repository, file)));
  }
  return hash.digest('hex').slice(0, 16);
}

const hour = 3_600_000;

/** Images that nobody has asked for lately, and what a killed build left behind. */
function removeOld(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).mtimeMs < Date.now() - hour) rmSync(path, { recursive: true, force: true });
  }
}

function inFolder(folder: string): readonly string[] {
  const entries = readdirSync(join(repository, folder), { recursive: true, withFileTypes: true });
  return entries
    .flatMap((entry) => (entry.isFile() ? [join(entry.parentPath.slice(repository.length + 1), entry.name)] : []))
    .toSorted();
}

function say(line: string): void {
  process.stderr.write(`image: ${line}\n`);
}
