/**
 * What a cluster leaves on the machine outside its own folder, and the folder itself. Removing works from what the folder
 * says, so that the remains of a starter that was killed are removed by the next one.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { membersOf, removeControlGroup } from './control-groups.ts';
import { isAlive } from './lock.ts';
import { until } from './processes.ts';

const prefix = 'countersign-cluster-';

export function makeClusterFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  writeFileSync(join(folder, 'owner'), String(process.pid));
  return folder;
}

/** Bridge, network namespace and cgroup of the cluster in this folder have this name. */
export function rememberLink(folder: string, link: string): void {
  writeFileSync(join(folder, 'link'), link);
}

export async function removeAbandonedClusters(): Promise<void> {
  const folders = readdirSync(tmpdir()).filter((name) => name.startsWith(prefix));
  for (const folder of folders.map((name) => join(tmpdir(), name))) {
    const owner = read(join(folder, 'owner'));
    if (owner !== undefined && !isAlive(Number(owner))) await removeRemains(folder);
  }
}

export async function removeRemains(folder: string): Promise<void> {
  const link = read(join(folder, 'link'));
  await end(() => [...(link === undefined ? [] : membersOf(link)), ...programsNaming(folder)]);
  removeTraces(folder);
  for (const mount of mountsUnder(folder)) spawnSync('umount', ['--lazy', mount]);
  if (link !== undefined) {
    removeControlGroup(link);
    // Its end of the cable goes with the namespace, the routes with the bridge.
    spawnSync('ip', ['netns', 'delete', link]);
    spawnSync('ip', ['link', 'delete', link]);
    removeMatching('/var/log/containers', (path) => readlinkSync(path).startsWith(`${folder}/`));
  }
  rmSync(folder, { recursive: true, force: true });
}

async function end(find: () => readonly number[]): Promise<void> {
  const gone = await until(async () => {
    const left = find();
    left.forEach((pid) => process.kill(pid, 'SIGKILL'));
    return left.length === 0;
  }, 20_000);
  if (!gone) throw new Error(`processes of the test cluster do not end: ${find().join(', ')}`);
}

const ours =
  /^(?:containerd|containerd-shim.*|etcd|kube-apiserver|kube-controller-manager|kube-proxy|kube-scheduler|kubelet)$/;

/** Of the programs we start, those with the folder, which no other cluster has, on their command line. */
function programsNaming(folder: string): readonly number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      const [program = '', ...args] = (read(`/proc/${pid}/cmdline`) ?? '').split('\0');
      return ours.test(basename(program)) && args.some((arg) => arg.includes(`${folder}/`));
    })
    .map(Number);
}

/** Sockets of containerd's shims under /run and notes of network plugins: what was killed could not tidy up. */
function removeTraces(folder: string): void {
  const tasks = join(folder, 'containerd/state/io.containerd.runtime.v2.task/k8s.io');
  if (!existsSync(tasks)) return;
  for (const task of readdirSync(tasks)) {
    const socket = read(join(tasks, task, 'address'))?.replace(/^unix:/, '');
    if (socket?.startsWith('///run/containerd/s/') === true) rmSync(socket, { force: true });
    removeMatching('/var/lib/cni/results', (path) => path.includes(task));
  }
}

/** Innermost first. */
function mountsUnder(folder: string): readonly string[] {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  return mounts
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${folder}/`))
    .toReversed();
}

function removeMatching(folder: string, matches: (path: string) => boolean): void {
  if (!existsSync(folder)) return;
  const paths = readdirSync(folder).map((name) => join(folder, name));
  for (const path of paths.filter(matches)) rmSync(path, { force: true });
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
