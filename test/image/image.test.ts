/** What is in the container image, what is not, and that a second build makes the same. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { versionOfPackage } from '../../src/cli/version.ts';
import { canBuild } from './access.ts';
import { buildImage, buildInto, type BuiltImage } from './build-image.ts';
import { pathsOf, readLayout, unpack, type Layout } from './layout.ts';
import { productionPackages } from './production-packages.ts';

describe.runIf(canBuild)('the container image', () => {
  let folder: string;
  let built: BuiltImage;
  let image: Layout;
  const inside = (path: string): string => join(folder, 'rootfs', path);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-image-test-'));
    built = await buildImage();
    image = readLayout(built.layout);
    await unpack(image, inside(''));
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('starts the program with Node alone, as a user that is not root', () => {
    expect(image.config.config).toMatchObject({
      User: '65532:65532',
      Entrypoint: ['/nodejs/bin/node', expect.stringMatching(/^--max-semi-space-size=/), '/app/src/main.ts'],
      Cmd: ['serve'],
      WorkingDir: '/var/lib/countersign',
    });
    expect(existsSync(inside('nodejs/bin/node'))).toBe(true);
    expect(existsSync(inside('app/src/main.ts'))).toBe(true);
  });

  test('says what it is, and where its SBOM lies', () => {
    expect(image.config.config.Labels).toMatchObject({
      'org.opencontainers.image.title': 'Countersign',
      'org.opencontainers.image.description': expect.stringContaining('only signed'),
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.version': versionOfPackage(),
      'org.opencontainers.image.revision': 'test',
      'org.opencontainers.image.source': expect.any(String),
      'dev.countersign.sbom': '/app/sbom.spdx.json',
    });
  });

  test('has an SBOM that lists the production packages of the lockfile, no more and no less', () => {
    const { packages, creationInfo } = readSbom(inside('app/sbom.spdx.json'));
    const listed = packages.map(({ name, versionInfo }) => `${name}@${versionInfo}`);
    expect(listed.toSorted()).toEqual([`countersign@${versionOfPackage()}`, ...productionPackages()].toSorted());
    expect(creationInfo.created).toBe('1970-01-01T00:00:00Z');
    const withoutLicense = packages.filter(({ licenseDeclared }) => licenseDeclared === undefined);
    expect(withoutLicense).toEqual([]);
  });

  test('has exactly those packages on its disk', () => {
    const installed = JSON.parse(readFileSync(inside('app/node_modules/.package-lock.json'), 'utf8')) as Lockfile;
    const found = Object.entries(installed.packages).map(([path, { version }]) => {
      const manifest = JSON.parse(readFileSync(inside(`app/${path}/package.json`), 'utf8')) as { version: string };
      expect(manifest.version).toBe(version);
      return `${path.split('node_modules/').at(-1)}@${manifest.version}`;
    });
    expect([...new Set(found)].toSorted()).toEqual(productionPackages().toSorted());
  });

  test.each(
    [
      'bin/sh bin/busybox bin/bash usr/bin/env usr/bin/apt usr/bin/dpkg root/.npmrc out',
      'usr/local/bin/npm nodejs/bin/npm nodejs/bin/npx nodejs/bin/corepack usr/local/lib/node_modules',
      'app/.npmrc app/package-lock.json app/test app/docs app/.git app/Dockerfile',
      'app/src/demo app/src/cli/demo.ts app/src/cli/demo-scene.ts app/src/tsconfig.json',
      'app/node_modules/typescript app/node_modules/vitest app/node_modules/knip app/node_modules/node',
      'app/node_modules/@sigstore/mock app/node_modules/.bin',
    ].flatMap((paths) => paths.split(' ')),
  )('has no %s', (path) => {
    expect(existsSync(inside(path))).toBe(false);
  });

  test('has no program beside Node that could be started, nothing that gains rights, no key and no settings of npm', () => {
    const files = filesIn(inside(''));
    const path = (file: string): string => relative(inside(''), file);
    expect(files.filter((file) => (statSync(file).mode & 0o6000) !== 0).map(path)).toEqual([]);
    expect(files.filter(isElfProgram).map(path)).toEqual(['nodejs/bin/node']);
    expect(files.filter((file) => /(?:\.npmrc|\.map|\.d\.[mc]?ts|\.key|\.node|\.bare)$/.test(file)).map(path)).toEqual(
      [],
    );
  });

  test('holds the sources as they are in the repository', () => {
    const sources = filesUnder(built.context, 'src');
    const left = sources.filter(
      (file) =>
        !/^src\/(?:demo\/|cli\/demo(?:-scene)?\.ts$|tsconfig\.json$|adapters\/policy-languages\/go\/)/.test(file),
    );
    expect(left.length).toBeGreaterThan(100);
    expect(filesUnder(inside('app'), 'src')).toEqual(left);
    const changed = left.filter((file) => textOf(inside('app'), file) !== textOf(built.context, file));
    expect(changed).toEqual([]);
  });

  test('belongs to root, but for the one folder that it writes to', () => {
    const others = readdirSync(inside(''), { recursive: true, withFileTypes: true })
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => !existsSync(file) || statSync(file).uid !== 0 || (statSync(file).mode & 0o022) !== 0)
      .map((file) => relative(inside(''), file));
    expect(others.toSorted()).toEqual(['tmp', 'var/lib/countersign']);
    expect(statSync(inside('var/lib/countersign'))).toMatchObject({ uid: 65532, gid: 65532 });
  });

  test('adds to its base only what lies in /app, the commands of init containers, and the folder it writes to', async () => {
    const added = await pathsOf(image, image.layers.at(-1) ?? '');
    expect(added.length).toBeGreaterThan(1_000);
    const parents = ['kubeopencode', 'var/', 'var/lib/', 'var/lib/countersign/'];
    expect(added.filter((path) => !path.startsWith('app/') && !parents.includes(path))).toEqual([]);
  });

  test('leaves no trace of the registry that its packages came from', () => {
    const steps = image.config.history.map((step) => step.created_by ?? '').join('\n');
    expect(steps).toContain('/app');
    expect(`${steps}\n${image.config.config.Env.join('\n')}`).not.toMatch(/npm|registry/i);
  });

  test('is the same, byte for byte, when it is built again elsewhere, later and under another umask', async () => {
    const elsewhere = join(folder, 'elsewhere');
    for (const file of filesUnder(built.context, '.')) {
      const copy = join(elsewhere, 'context', file);
      cpSync(join(built.context, file), copy);
      chmodSync(copy, 0o600);
      utimesSync(copy, 1_000_000_000, 1_000_000_000);
    }
    const again = readLayout((await buildInto(elsewhere)).layout);
    expect(again.layers).toEqual(image.layers);
    expect(again.digest).toBe(image.digest);
  }, 300_000);
});

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly version: string }>>;
}

interface Sbom {
  readonly packages: readonly {
    readonly name: string;
    readonly versionInfo: string;
    readonly licenseDeclared?: string;
  }[];
  readonly creationInfo: { readonly created: string };
}

// SPDX 2.3, written by npm.
const readSbom = (file: string): Sbom => JSON.parse(readFileSync(file, 'utf8')) as Sbom;

function filesIn(folder: string): readonly string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

const filesUnder = (folder: string, part: string): readonly string[] =>
  filesIn(join(folder, part))
    .map((file) => relative(folder, file))
    .toSorted();

const textOf = (folder: string, file: string): string => readFileSync(join(folder, file), 'utf8');

/** Libraries are ELF too, but are of the loader's folders. */
function isElfProgram(file: string): boolean {
  const isElf = readFileSync(file).subarray(0, 4).equals(Buffer.from('\u007fELF', 'latin1'));
  return isElf && !/\.so(?:\.\d+)*$/.test(file);
}
