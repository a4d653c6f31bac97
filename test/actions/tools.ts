/** Layers with the programs that actions use, out of those of this machine, together with the libraries that they load. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../../src/kernel/digest.ts';
import { cacheFolder, ensureYq } from '../cluster/builds.ts';
import { findKubePrograms, onPath } from '../cluster/programs.ts';
import { tar, type TarEntry } from '../cluster/tar.ts';

export interface Layer {
  /** Packed. */
  readonly bytes: Buffer;
  /** Of what is packed. */
  readonly diffId: string;
}

const tools = ['busybox', 'jq', 'kubectl', 'curl', 'git', 'yq'] as const;
export type Tool = (typeof tools)[number];

/** apt-get install them where they are missing. */
const packages = 'busybox-static jq curl git';

const made = new Map<Tool, Promise<Layer>>();

export function toolLayer(tool: Tool): Promise<Layer> {
  const layer = made.get(tool) ?? makeLayer(tool);
  made.set(tool, layer);
  return layer;
}

async function makeLayer(tool: Tool): Promise<Layer> {
  const entries = await entriesOf(tool);
  const seen = entries.map((entry) => (entry.kind === 'file' ? [entry.path, fingerprint(entry.from)] : entry));
  const key = createHash('sha256').update(JSON.stringify(seen)).digest('hex');
  const folder = join(cacheFolder, 'action-layers');
  const file = join(folder, `${tool}-${key.slice(0, 16)}`);
  if (existsSync(`${file}.json`)) return { bytes: readFileSync(`${file}.tar.gz`), ...diffIdIn(`${file}.json`) };
  const layer = layerOf(entries.map(withContent));
  mkdirSync(folder, { recursive: true });
  write(`${file}.tar.gz`, layer.bytes);
  write(`${file}.json`, JSON.stringify({ diffId: layer.diffId }));
  return layer;
}

export function layerOf(entries: readonly TarEntry[]): Layer {
  const files = tar(entries);
  return { bytes: gzipSync(files, { level: 1 }), diffId: digestOf(files) };
}

/** A file of this machine, by its place there. */
type Source = Exclude<TarEntry, { readonly kind: 'file' }> | FileSource;
interface FileSource {
  readonly kind: 'file';
  readonly path: string;
  readonly from: string;
}

async function entriesOf(tool: Tool): Promise<readonly Source[]> {
  switch (tool) {
    case 'busybox':
      return busyboxEntries();
    case 'kubectl':
      return [file('bin/kubectl', (await findKubePrograms())?.kubectl ?? missing('kubectl'))];
    case 'yq':
      return [file('bin/yq', join(await ensureYq(), 'yq'))];
    case 'jq':
      return linked(['bin/jq'], installed('jq'));
    case 'curl':
      return [...linked(['bin/curl'], installed('curl')), ...certificates()];
    case 'git':
      return gitEntries();
  }
}

function busyboxEntries(): readonly Source[] {
  const busybox = installed('busybox');
  const applets = spawnSync(busybox, ['--list'], { encoding: 'utf8' }).stdout.split('\n');
  return [
    { kind: 'folder', path: 'bin/', mode: 0o755 },
    { kind: 'folder', path: 'tmp/', mode: 0o1777 },
    file('bin/busybox', busybox),
    ...applets
      .filter((name) => name !== '' && name !== 'busybox')
      .map((name): Source => ({ kind: 'link', path: `bin/${name}`, target: 'busybox' })),
  ];
}

/** git runs its other half, the transports, out of the folder that was compiled in. */
function gitEntries(): readonly Source[] {
  const git = installed('git');
  const home = spawnSync(git, ['--exec-path'], { encoding: 'utf8' }).stdout.trim();
  const inside = home.replace(/^\//, '');
  const http = join(home, 'git-remote-http');
  return [
    ...linked(['bin/git'], git),
    ...linked([`${inside}/git-remote-http`], realpathSync(http)),
    { kind: 'link', path: `${inside}/git-remote-https`, target: 'git-remote-http' },
    { kind: 'link', path: `${inside}/git`, target: '/bin/git' },
    ...certificates(),
  ];
}

function certificates(): readonly Source[] {
  const bundle = '/etc/ssl/certs/ca-certificates.crt';
  return existsSync(bundle) ? [file(bundle.slice(1), bundle)] : [];
}

/** The program at these places, and each library at the place where it is looked for. */
function linked(paths: readonly string[], program: string): readonly Source[] {
  const { stdout } = spawnSync('ldd', [program], { encoding: 'utf8' });
  const libraries = [...stdout.matchAll(/(?:=>\s+|^\s+)(\/\S+) \(0x/gm)].map(([, path = '']) => path);
  return [...paths.map((path) => file(path, program)), ...libraries.map((path) => file(path.slice(1), path))];
}

const file = (path: string, from: string): FileSource => ({ kind: 'file', path, from });

function withContent(source: Source): TarEntry {
  if (source.kind !== 'file') return source;
  return { kind: 'file', path: source.path, content: readFileSync(source.from), executable: true };
}

function fingerprint(path: string): unknown {
  const { size, mtimeMs } = statSync(path);
  return [realpathSync(path), size, mtimeMs];
}

function installed(name: string): string {
  return onPath(name) ?? missing(name);
}

function missing(name: string): never {
  throw new Error(`images of actions need ${name}: apt-get install ${packages}; npm run cluster:build builds kubectl`);
}

/** In one step: another process may be reading. */
function write(path: string, content: Buffer | string): void {
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, content);
  renameSync(fresh, path);
}

function diffIdIn(path: string): Pick<Layer, 'diffId'> {
  // Written above.
  return JSON.parse(readFileSync(path, 'utf8')) as Pick<Layer, 'diffId'>;
}
