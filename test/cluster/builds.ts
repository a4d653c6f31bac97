/**
 * Programs that the cluster suites need and that no package manager has: built once through Go, in the versions that the
 * go.mod files in build/ name, and kept in the cache folder. A change of those files builds anew.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { withLock } from './lock.ts';

export const cacheFolder = process.env['COUNTERSIGN_CACHE'] ?? join(homedir(), '.cache', 'countersign');

export const kubePrograms = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'kubectl',
] as const;
export const toolPrograms = ['cosign', 'crane', 'registry'] as const;
export const tektonPrograms = ['controller', 'webhook', 'entrypoint', 'nop', 'workingdirinit'] as const;

interface Build {
  /** Folder under build/ and under the cache folder. */
  readonly name: string;
  /** Where its go.mod is, if not under build/. */
  readonly source?: string;
  readonly note: string;
  /** Arguments of `go build` that leave the programs in `folder`. */
  readonly args: (folder: string) => readonly string[];
  /** Names under which one binary is started. */
  readonly aliases: readonly string[];
}

// Without these the API server calls itself v0.0.0, which clients take for a very old one.
const version = 'k8s.io/component-base/version';
const kubeVersion = `-X ${version}.gitVersion=v1.35.4 -X ${version}.gitMajor=1 -X ${version}.gitMinor=35`;

const kube: Build = {
  name: 'kube',
  note: 'etcd 3.6 and Kubernetes 1.35, 4 to 8 minutes the first time',
  args: (folder) => ['-ldflags', `-s -w ${kubeVersion}`, '-o', join(folder, 'kube'), '.'],
  aliases: kubePrograms,
};

const tools: Build = {
  name: 'tools',
  note: 'cosign 3, crane and the distribution registry 3, 3 to 5 minutes the first time',
  args: (folder) => ['-ldflags', '-s -w', '-o', `${folder}/`, 'tool'],
  aliases: [],
};

const tekton: Build = {
  name: 'tekton',
  note: 'Tekton Pipelines 1.15, 3 to 6 minutes the first time',
  args: (folder) => ['-ldflags', '-s -w', '-o', `${folder}/`, 'tool'],
  aliases: [],
};

const policyController: Build = {
  name: 'policy-controller',
  note: 'sigstore policy-controller 0.15, 3 to 5 minutes the first time',
  args: (folder) => ['-ldflags', '-s -w', '-o', `${folder}/`, 'tool'],
  aliases: [],
};

// Without these Helm takes every cluster that it cannot ask for Kubernetes 1.20.
const chartVersion = 'helm.sh/helm/v3/pkg/chartutil.k8sVersion';

const helm: Build = {
  name: 'helm',
  note: 'Helm 3.22, 1 to 3 minutes the first time',
  args: (folder) => [
    '-ldflags',
    `-s -w -X ${chartVersion}Major=1 -X ${chartVersion}Minor=35`,
    '-o',
    `${folder}/`,
    'tool',
  ],
  aliases: [],
};

const yq: Build = {
  name: 'yq',
  note: 'yq 4.48, half a minute the first time',
  args: (folder) => ['-ldflags', '-s -w', '-o', `${folder}/`, 'tool'],
  aliases: [],
};

const dns: Build = {
  name: 'dns',
  note: 'CoreDNS 1.15, a minute the first time',
  args: (folder) => ['-ldflags', '-s -w', '-o', join(folder, 'coredns'), '.'],
  aliases: [],
};

const evaluator: Build = {
  name: 'evaluator-native',
  source: join(import.meta.dirname, '..', 'evaluator', 'native'),
  note: "cosign's own engines for CUE and Rego, 2 to 5 minutes the first time",
  args: (folder) => ['-trimpath', '-ldflags', '-s -w', '-o', join(folder, 'evaluate'), '.'],
  aliases: [],
};

export const ensureKube = (): Promise<string> => ensureBuilt(kube);
export const ensureTools = (): Promise<string> => ensureBuilt(tools);

export const ensureTekton = (): Promise<string> => ensureBuilt(tekton);

/** sigstore's own, to be compared with. */
export const ensurePolicyController = (): Promise<string> => ensureBuilt(policyController);

export const ensureHelm = (): Promise<string> => ensureBuilt(helm);

export const ensureDns = (): Promise<string> => ensureBuilt(dns);

/** Edits YAML in images of actions. */
export const ensureYq = (): Promise<string> => ensureBuilt(yq);

/** What policy code is compared with: test/evaluator. */
export const ensureNativeEvaluator = (): Promise<string> => ensureBuilt(evaluator);

/** Whether it can be had without a build. */
export const hasNativeEvaluator = (): boolean => isBuilt(join(cacheFolder, evaluator.name), stampOf(evaluator));

/** Sources of policy-controller in the version that is compared with; undefined without Go. */
export function policyControllerSources(): string | undefined {
  const args = ['list', '-m', '-f', '{{.Dir}}', 'github.com/sigstore/policy-controller'];
  const listed = spawnSync('go', args, { cwd: source(evaluator), encoding: 'utf8' });
  const folder = listed.status === 0 ? listed.stdout.trim() : '';
  return folder === '' ? undefined : folder;
}

/** The folder of Tekton's own manifests, in the version that its programs are built from. */
export const tektonManifests = (): string => join(sourcesOf('github.com/tektoncd/pipeline', tekton), 'config');

/** The folder of policy-controller's own manifests. */
export const policyControllerManifests = (): string =>
  join(sourcesOf('github.com/sigstore/policy-controller', policyController), 'config');

function sourcesOf(module: string, build: Build): string {
  const listed = spawnSync('go', ['list', '-m', '-f', '{{.Dir}}', module], { cwd: source(build), encoding: 'utf8' });
  if (listed.status !== 0) throw new Error(`the sources of ${module} cannot be found: ${listed.stderr}`);
  return listed.stdout.trim();
}

export function hasGo(): boolean {
  return spawnSync('go', ['version']).status === 0;
}

/** The folder with the built programs. */
async function ensureBuilt(build: Build): Promise<string> {
  const folder = join(cacheFolder, build.name);
  const stamp = stampOf(build);
  if (isBuilt(folder, stamp)) return folder;
  const waiting = (): void => say(`another process is building ${build.name}, waiting for it`);
  return withLock(join(cacheFolder, `${build.name}.lock`), waiting, async () => {
    if (!isBuilt(folder, stamp)) await buildInto(folder, stamp, build);
    return folder;
  });
}

async function buildInto(folder: string, stamp: string, build: Build): Promise<void> {
  const started = performance.now();
  say(`building ${build.name} (${build.note})`);
  const fresh = `${folder}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  await go(['build', ...build.args(fresh)], source(build));
  for (const alias of build.aliases) symlinkSync(build.name, join(fresh, alias));
  writeFileSync(join(fresh, '.stamp'), stamp);
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
  say(`built ${build.name} in ${Math.round((performance.now() - started) / 1000)} s`);
}

async function go(args: readonly string[], cwd: string): Promise<void> {
  const child = spawn('go', args, { cwd, env: { ...process.env, CGO_ENABLED: '0' }, stdio: ['ignore', 2, 2] });
  const started = performance.now();
  const progress = setInterval(() => {
    say(`still building, ${Math.round((performance.now() - started) / 1000)} s`);
  }, 30_000);
  try {
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('exit', resolve);
    });
    if (status !== 0) throw new Error(`go ${args[0]} in ${cwd} ended with status ${status}`);
  } finally {
    clearInterval(progress);
  }
}

const source = (build: Build): string => build.source ?? join(import.meta.dirname, 'build', build.name);

function stampOf(build: Build): string {
  const hash = createHash('sha256').update(build.args('').join(' '));
  const files = readdirSync(source(build), { withFileTypes: true }).filter((entry) => entry.isFile());
  for (const file of files.map(({ name }) => name).toSorted()) hash.update(readFileSync(join(source(build), file)));
  return hash.digest('hex');
}

function isBuilt(folder: string, stamp: string): boolean {
  const file = join(folder, '.stamp');
  return existsSync(file) && readFileSync(file, 'utf8') === stamp;
}

export function say(line: string): void {
  process.stderr.write(`cluster: ${line}\n`);
}
