/** Names of Services for Pods: CoreDNS on the bridge, without a Pod of its own. Other names are asked where this machine asks. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ControlPlane } from './control-plane.ts';
import type { Network } from './network.ts';
import { ProgramGroup } from './processes.ts';

const readyPort = 8_181;

export interface Dns {
  stop(): Promise<void>;
}

export async function startDns(
  controlPlane: ControlPlane,
  { address }: Pick<Network, 'address'>,
  coreDns: string,
  folder: string,
): Promise<Dns> {
  const group = new ProgramGroup(folder);
  const kubeconfig = await controlPlane.addIdentity('coredns', {
    commonName: 'system:coredns',
    organization: 'system:masters',
  });
  const config = join(folder, 'Corefile');
  writeFileSync(config, corefile(address, kubeconfig));
  const ready = async (): Promise<boolean> => (await fetch(`http://${address}:${readyPort}/ready`)).ok;
  try {
    await group.start('coredns', coreDns, ['-conf', config], ready);
  } catch (error) {
    await group.stop();
    throw error;
  }
  return { stop: () => group.stop() };
}

function corefile(address: string, kubeconfig: string): string {
  return `.:53 {
  bind ${address}
  errors
  ready ${address}:${readyPort}
  kubernetes cluster.local in-addr.arpa {
    kubeconfig ${kubeconfig}
    ttl 1
    fallthrough in-addr.arpa
  }
  forward . /etc/resolv.conf
}
`;
}
