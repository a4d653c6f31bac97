/** Services: kube-proxy in the network namespace of its cluster, where it may change the packet filter as it likes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ControlPlane } from './control-plane.ts';
import type { Network } from './network.ts';
import { ProgramGroup } from './processes.ts';

const healthPort = 10_256;

export interface Services {
  stop(): Promise<void>;
}

export async function startServices(
  controlPlane: ControlPlane,
  network: Network,
  kubeProxy: string,
  folder: string,
): Promise<Services> {
  const group = new ProgramGroup(folder);
  const kubeconfig = await controlPlane.addIdentity('kube-proxy', { commonName: 'system:kube-proxy' });
  const config = join(folder, 'kube-proxy.json');
  writeFileSync(config, JSON.stringify(proxyConfig(network, kubeconfig), undefined, 2));
  const args = ['netns', 'exec', network.link, kubeProxy, `--config=${config}`];
  const health = `http://${network.proxy}:${healthPort}/healthz`;
  try {
    await group.start('kube-proxy', 'ip', args, async () => (await fetch(health)).ok);
  } catch (error) {
    await group.stop();
    throw error;
  }
  return { stop: () => group.stop() };
}

function proxyConfig({ podSubnet, proxy }: Network, kubeconfig: string): unknown {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clientConnection: { kubeconfig },
    hostnameOverride: 'node',
    bindAddress: proxy,
    healthzBindAddress: `${proxy}:${healthPort}`,
    clusterCIDR: podSubnet,
    // Answers must come back this way, from Pods on the same bridge as well.
    nftables: { masqueradeAll: true },
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
}
