/**
 * A node for a control plane: containerd and kubelet, as root, in one folder, one network and one cgroup of their own, so
 * that several can run on a machine. It pulls over plain HTTP from registries on 127.0.0.1 (containerd's own rule) and from
 * those that its folder `registries` says so of.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { busyboxImage, toArchive } from './busybox-image.ts';
import type { ControlPlane } from './control-plane.ts';
import { makeControlGroup } from './control-groups.ts';
import type { Network } from './network.ts';
import { ProgramGroup, until } from './processes.ts';
import { isExecutable, onPath, type KubePrograms } from './programs.ts';

export interface ClusterNode {
  readonly name: string;
  /** Ends kubelet and containerd. Containers run on: removeRemains of their folder ends them. */
  stop(): Promise<void>;
}

const packages = 'containerd runc containernetworking-plugins busybox-static iproute2 nftables';
const pauseImage = 'localhost/pause:test';

/** Why there can be no node on this machine, as a sentence; undefined when there can. */
export function nodeObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'a node needs root';
  const missing = ['containerd', 'ctr', 'runc', 'busybox', 'ip', 'nft'].filter((name) => onPath(name) === undefined);
  if (!isExecutable('/usr/lib/cni/bridge')) missing.push('/usr/lib/cni/bridge');
  if (missing.length === 0) return undefined;
  return `a node needs ${missing.join(', ')}: apt-get install ${packages}`;
}

interface Setting extends Network {
  readonly folder: string;
  readonly group: ProgramGroup;
}

export async function startNode(
  controlPlane: ControlPlane,
  network: Network,
  programs: KubePrograms,
  folder: string,
): Promise<ClusterNode> {
  const setting: Setting = { folder, group: new ProgramGroup(folder), ...network };
  try {
    makeControlGroup(setting.link);
    await startContainerd(setting);
    await startKubelet(setting, controlPlane, programs.kubelet);
  } catch (error) {
    await setting.group.stop();
    throw error;
  }
  return { name: 'node', stop: () => setting.group.stop() };
}

async function startContainerd(setting: Setting): Promise<void> {
  const { folder, group } = setting;
  const file = (name: string): string => join(folder, name);
  mkdirSync(file('cni'));
  mkdirSync(file('registries'));
  writeFileSync(file('cni/10-test.conflist'), JSON.stringify(podNetwork(setting)));
  writeFileSync(file('containerd.toml'), containerdConfig(folder));
  const socket = file('containerd.sock');
  await group.start('containerd', 'containerd', ['--config', file('containerd.toml')], async () => {
    return spawnSync('ctr', ['--address', socket, 'version']).status === 0;
  });
  const archive = file('pause.tar');
  writeFileSync(archive, toArchive(busyboxImage(['sleep', '2147483647']), pauseImage));
  run('ctr', '--address', socket, '--namespace', 'k8s.io', 'images', 'import', archive);
}

function podNetwork({ folder, link, podSubnet, podRange, serviceSubnet, proxy }: Setting): unknown {
  const ipam = {
    type: 'host-local',
    dataDir: join(folder, 'addresses'),
    ranges: [[{ subnet: podSubnet, ...podRange }]],
    routes: [{ dst: '0.0.0.0/0' }, { dst: serviceSubnet, gw: proxy }],
  };
  return { cniVersion: '0.4.0', name: link, plugins: [{ type: 'bridge', bridge: link, isGateway: true, ipam }] };
}

const containerdConfig = (folder: string): string => `version = 2
root = "${folder}/containerd/root"
state = "${folder}/containerd/state"
[grpc]
  address = "${folder}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "${folder}/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  # Without CAP_SYS_RESOURCE runc dies when it lowers its score.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  Root = "${folder}/containerd/runc"
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "${folder}/cni"
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "${folder}/registries"
`;

async function startKubelet(setting: Setting, controlPlane: ControlPlane, kubelet: string): Promise<void> {
  const { folder, group, address } = setting;
  const kubeconfig = await controlPlane.addIdentity('kubelet', {
    commonName: 'system:node:node',
    organization: 'system:nodes',
    addresses: [address],
  });
  const config = join(folder, 'kubelet.json');
  writeFileSync(config, JSON.stringify(kubeletConfig(setting, controlPlane.caFile), undefined, 2));
  const args = [
    `--config=${config}`,
    `--kubeconfig=${kubeconfig}`,
    '--hostname-override=node',
    `--node-ip=${address}`,
    `--root-dir=${join(folder, 'kubelet')}`,
    `--cert-dir=${join(folder, 'kubelet', 'pki')}`,
  ];
  await group.start('kubelet', kubelet, args, async () => isReady(await controlPlane.get('/api/v1/nodes/node')));
  // The controllers take the taint of a new node away; until then nothing is scheduled.
  await until(async () => !(await controlPlane.get('/api/v1/nodes/node'))?.includes('"taints"'), 20_000);
}

function kubeletConfig({ folder, link, address }: Setting, caFile: string): unknown {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address,
    healthzPort: 0,
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: caFile } },
    authorization: { mode: 'Webhook' },
    tlsCertFile: join(folder, 'kubelet.crt'),
    tlsPrivateKeyFile: join(folder, 'kubelet.key'),
    containerRuntimeEndpoint: `unix://${folder}/containerd.sock`,
    podLogsDir: join(folder, 'pods'),
    volumePluginDir: join(folder, 'volume-plugins'),
    clusterDNS: [address],
    clusterDomain: 'cluster.local',
    // A root of its own: a kubelet ends every Pod it does not know under its root.
    cgroupRoot: `/${link}`,
    cgroupDriver: 'cgroupfs',
    failCgroupV1: false,
    failSwapOn: false,
    makeIPTablesUtilChains: false,
    // A nearly full disk of the machine under test is not this node's business.
    evictionHard: { 'nodefs.available': '1%', 'imagefs.available': '1%' },
    // Images were put here by the tests; on a disk that is full of other things all of them would go.
    imageGCHighThresholdPercent: 100,
  };
}

function isReady(node: string | undefined): boolean {
  if (node === undefined) return false;
  // The answer of the API server to a GET of a Node.
  const { status } = JSON.parse(node) as { status?: { conditions?: { type: string; status: string }[] } };
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
}

function run(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}
