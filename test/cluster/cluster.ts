import { hasGo, say } from './builds.ts';
import { startControlPlane } from './control-plane.ts';
import { nodeObstacle, startNode } from './node.ts';
import { findKubePrograms } from './programs.ts';
import { makeClusterFolder, removeAbandonedClusters, removeRemains } from './remains.ts';

export interface Cluster {
  /** With all rights. */
  readonly kubeconfig: string;
  /** Logs of every program, and everything else it has made. */
  readonly folder: string;
  /** Why no Pod can run, as a sentence; absent when there is a node. */
  readonly withoutNode?: string;
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
    const controlPlane = await startControlPlane(programs, folder);
    stops.push(() => controlPlane.stop());
    const withoutNode = options.node ? nodeObstacle() : 'it was not asked for';
    const { kubeconfig } = controlPlane;
    if (withoutNode !== undefined) return { cluster: { kubeconfig, folder, withoutNode, stop } };
    const node = await startNode(controlPlane, programs, folder);
    stops.push(() => node.stop());
    return { cluster: { kubeconfig, folder, stop } };
  } catch (error) {
    await stop();
    throw error;
  }
}

function obstacle(): string {
  const sources = 'KUBEBUILDER_ASSETS, PATH or the cache folder';
  const build = hasGo() ? 'building them has failed' : 'there is no Go to build them';
  return `etcd and the Kubernetes programs are not in ${sources}, and ${build}`;
}
