/**
 * Stand-ins for the public base images of the Dockerfile, made of this machine's own files, so that no registry is
 * needed: root file systems with Node, the libraries it is linked with and the CA certificates; for the build stage also npm and busybox.
 */
import { execFile } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { onPath } from '../cluster/programs.ts';

const run = promisify(execFile);
const nodeProgram = join(import.meta.dirname, '..', '..', 'node_modules', 'node', 'bin', 'node');
const certificates = '/etc/ssl/certs/ca-certificates.crt';

/** What a folder is made an image with. */
export interface BaseImage {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Like node:24-slim, as far as the build stage needs it. */
export async function makeBuildBase(folder: string): Promise<BaseImage> {
  await addNode(folder, '/usr/local/bin/node');
  const npm = npmFolder();
  if (npm === undefined) throw new Error('npm is not on PATH');
  cpSync(npm, join(folder, 'usr/local/lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(folder, 'usr/local/bin/npm'));
  await addBusybox(folder);
  symlinkSync('/bin/env', join(folder, 'usr/bin/env'));
  // npm speaks to the registry as it does on this machine, whose certificates may have additions.
  return { folder, env: { PATH: '/usr/local/bin:/bin', HOME: '/root', NODE_EXTRA_CA_CERTS: certificates } };
}

/** Like distroless/nodejs24: Node in the place where it is there, a user 65532, no shell. */
export async function makeRunBase(folder: string): Promise<BaseImage> {
  await addNode(folder, '/nodejs/bin/node');
  for (const place of ['home/nonroot', 'var/lib']) mkdirSync(join(folder, place), { recursive: true });
  writeFileSync(join(folder, 'etc/passwd'), 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n');
  writeFileSync(join(folder, 'etc/group'), 'nonroot:x:65532:\n');
  return { folder, env: { PATH: '/usr/local/bin:/usr/bin:/bin', SSL_CERT_FILE: certificates } };
}

/** Like debian:12-slim, with the git and the ssh that the Dockerfile would install there. */
export async function makeSystemBase(folder: string): Promise<BaseImage> {
  await addBusybox(folder);
  for (const name of ['git', 'ssh']) await addProgram(folder, programOf(name), `/usr/bin/${name}`);
  const { stdout } = await run('git', ['--exec-path']);
  const helpers = stdout.trim();
  await addProgram(folder, realpathSync(join(helpers, 'git-remote-http')), join(helpers, 'git-remote-http'));
  await addProgram(folder, join(helpers, 'git-sh-i18n--envsubst'), join(helpers, 'git-sh-i18n--envsubst'));
  for (const script of ['git-submodule', 'git-sh-setup', 'git-sh-i18n']) {
    cpSync(join(helpers, script), join(folder, helpers, script));
  }
  symlinkSync('git-remote-http', join(folder, helpers, 'git-remote-https'));
  symlinkSync('/usr/bin/git', join(folder, helpers, 'git'));
  // Node comes from the other base, its libraries from this one.
  await addLibraries(folder, nodeProgram);
  addFolders(folder);
  writeFileSync(join(folder, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(folder, 'etc/group'), 'root:x:0:\n');
  return { folder, env: { PATH: '/usr/local/bin:/usr/bin:/bin' } };
}

function programOf(name: string): string {
  const program = onPath(name);
  if (program === undefined) throw new Error(`${name} is not on PATH`);
  return realpathSync(program);
}

async function addBusybox(folder: string): Promise<void> {
  const busybox = programOf('busybox');
  for (const place of ['bin', 'root']) mkdirSync(join(folder, place), { recursive: true });
  cpSync(busybox, join(folder, 'bin/busybox'));
  const { stdout } = await run(busybox, ['--list']);
  for (const applet of stdout.split('\n').filter((name) => !['', 'busybox'].includes(name))) {
    symlinkSync('busybox', join(folder, 'bin', applet));
  }
}

/** The folder of the npm on PATH, with all it depends on; undefined if there is none. */
export function npmFolder(): string | undefined {
  const npm = onPath('npm');
  if (npm === undefined) return undefined;
  const folder = dirname(dirname(realpathSync(npm)));
  return existsSync(join(folder, 'package.json')) && existsSync(join(folder, 'node_modules')) ? folder : undefined;
}

async function addNode(folder: string, place: string): Promise<void> {
  await addProgram(folder, nodeProgram, place);
  addFolders(folder);
}

/** What every root file system has; certificates as this machine has them. */
function addFolders(folder: string): void {
  if (existsSync(certificates)) addFile(folder, certificates, certificates);
  for (const empty of ['etc', 'tmp', 'proc', 'dev', 'usr/bin']) mkdirSync(join(folder, empty), { recursive: true });
  chmodSync(join(folder, 'tmp'), 0o1777);
}

async function addProgram(folder: string, program: string, place: string): Promise<void> {
  addFile(folder, program, place);
  await addLibraries(folder, program);
}

/** Each at the place where it is looked for. */
async function addLibraries(folder: string, program: string): Promise<void> {
  const { stdout } = await run('ldd', [program]);
  const libraries = [...stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].flatMap(([, path]) => path ?? []);
  for (const path of libraries) addFile(folder, path, path);
}

function addFile(folder: string, from: string, to: string): void {
  mkdirSync(dirname(join(folder, to)), { recursive: true });
  cpSync(realpathSync(from), join(folder, to));
}
