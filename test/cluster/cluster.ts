import { hasGo, say } from './builds.ts';
import { startControlPlane } from './control-plane.ts';
import { serveControl } from './control.ts';
import { startDns } from './dns.ts';
import { makeNetwork } from './network.ts';
import { nodeObstacle, startNode } from './node.ts';
import { findDns, findKubePrograms } from './programs.ts';
import { makeClusterFolder, removeAbandonedClusters, removeRemains } from './remains.ts';
import { startServices } from './services.ts';

/** What suites are told of a cluster. */
export interface ClusterFacts {
  /** With all rights. */
  readonly kubeconfig: string;
  /** Logs of every program, and everything else it has made. */
  readonly folder: string;
  /** The program. */
  readonly kubectl: string;
  /** What the service accounts of the product asked the API server, one event a line (audit.k8s.io/v1). */
  readonly auditLog: string;
  /** Socket on which the API server is stopped and started: see control.ts. */
  readonly control: string;
  /** Of this machine, as Pods reach it; absent when there is no node. */
  readonly address?: string;
  /** Why no Pod can run, as a sentence; absent when there is a node. */
  readonly withoutNode?: string;
}

export interface Cluster extends ClusterFacts {
  stop(): Promise<void>;
}

export type Start = { readonly cluster: Cluster } | { readonly obstacle: string };

export async function startCluster(options: { readonly node: boolean }): Promise<Start> {
  const programs = await findKubePrograms().catch((error: unknown) => say(String(error)));
  if (programs === undefined) return { obstacle: obstacle() };
  await removeAbandonedClusters();
  const folder = makeClusterFolder();
  const stops: (() => Promise<void>)[] = [() => removeRemains(folder)];
  const stop = async (): Promise<void> => {
    for (const next of stops.splice(0).toReversed()) await next();
  };
  try {
    const coreDns = options.node ? await findDns() : undefined;
    const withoutNode = options.node ? (nodeObstacle() ?? dnsObstacle(coreDns)) : 'it was not asked for';
    const network = withoutNode === undefined ? makeNetwork(folder) : undefined;
    const controlPlane = await startControlPlane(programs, folder, network);
    stops.push(() => controlPlane.stop());
    const control = await serveControl(controlPlane, folder);
    stops.push(() => control.close());
    const { kubeconfig, auditLog } = controlPlane;
    const facts = { kubeconfig, folder, kubectl: programs.kubectl, auditLog, control: control.socket };
    if (network === undefined || coreDns === undefined)
      return { cluster: { ...facts, withoutNode: withoutNode ?? '', stop } };
    const node = await startNode(controlPlane, network, programs, folder);
    stops.push(() => node.stop());
    const services = await startServices(controlPlane, network, programs['kube-proxy'], folder);
    stops.push(() => services.stop());
    const dns = await startDns(controlPlane, network, coreDns, folder);
    stops.push(() => dns.stop());
    return { cluster: { ...facts, address: network.address, stop } };
  } catch (error) {
    await stop();
    throw error;
  }
}

function dnsObstacle(coreDns: string | undefined): string | undefined {
  return coreDns === undefined ? 'there is no CoreDNS, and no Go to build it' : undefined;
}

function obstacle(): string {
  const sources = 'KUBEBUILDER_ASSETS, PATH or the cache folder';
  const build = hasGo() ? 'building them has failed' : 'there is no Go to build them';
  return `etcd and the Kubernetes programs are not in ${sources}, and ${build}`;
}
