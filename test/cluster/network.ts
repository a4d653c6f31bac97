/**
 * The network of one cluster on this machine: a bridge for node and Pods, and a network namespace on it in which kube-proxy
 * runs. Addresses of Services are routed there, by the machine and by the Pods, and come back with its address as source.
 * So no cluster touches the packet filter of the machine, whose tables kube-proxy would have to share with every other one.
 */
import { spawnSync } from 'node:child_process';
import { rememberLink } from './remains.ts';

export interface Network {
  /** Name of the bridge, of the network namespace and of the cgroup. */
  readonly link: string;
  /** Of the bridge: the node's and the API server's address. Kubelet and Services refuse a loopback address. */
  readonly address: string;
  readonly podSubnet: string;
  /** The part of podSubnet that Pods get addresses of. */
  readonly podRange: { readonly rangeStart: string; readonly rangeEnd: string };
  readonly serviceSubnet: string;
  /** The address of the Service `kubernetes`: the first of the subnet. */
  readonly apiService: string;
  /** Where Services are routed to. */
  readonly proxy: string;
}

/** The first name that is free is taken: adding a link is atomic. */
export function makeNetwork(folder: string): Network {
  for (let n = 0; n < 16; n += 1) {
    const link = `csgn${n}`;
    if (spawnSync('ip', ['link', 'add', link, 'address', hardwareAddress(n), 'type', 'bridge']).status !== 0) continue;
    rememberLink(folder, link);
    const network = networkOf(link, n);
    connect(network);
    return network;
  }
  throw new Error('no bridge could be made: csgn0 to csgn15 exist, or the kernel refuses');
}

/**
 * A bridge that is given none takes the lowest of its ports, and so another one whenever a Pod comes or goes: what Pods send
 * to the address that they remember is then lost, for half a minute.
 */
function hardwareAddress(n: number): string {
  return `02:00:00:f5:00:${n.toString(16).padStart(2, '0')}`;
}

function networkOf(link: string, n: number): Network {
  return {
    link,
    address: `10.245.${n}.1`,
    podSubnet: `10.245.${n}.0/24`,
    podRange: { rangeStart: `10.245.${n}.10`, rangeEnd: `10.245.${n}.250` },
    serviceSubnet: `10.97.${n}.0/24`,
    apiService: `10.97.${n}.1`,
    proxy: `10.245.${n}.2`,
  };
}

function connect({ link, address, serviceSubnet, proxy }: Network): void {
  run('ip', 'address', 'add', `${address}/24`, 'dev', link);
  run('ip', 'link', 'set', link, 'up');
  run('ip', 'netns', 'add', link);
  run('ip', 'link', 'add', `${link}p`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', link);
  run('ip', 'link', 'set', `${link}p`, 'master', link, 'up');
  const inside = ['netns', 'exec', link] as const;
  run('ip', ...inside, 'ip', 'link', 'set', 'lo', 'up');
  run('ip', ...inside, 'ip', 'address', 'add', `${proxy}/24`, 'dev', 'eth0');
  run('ip', ...inside, 'ip', 'link', 'set', 'eth0', 'up');
  const settings = ['ip_forward', 'conf/all/send_redirects'].map((name) => `/proc/sys/net/ipv4/${name}`);
  run('ip', ...inside, 'sh', '-c', 'echo 1 >"$0"; echo 0 >"$1"', ...settings);
  run('ip', 'route', 'add', serviceSubnet, 'via', proxy);
}

function run(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}
