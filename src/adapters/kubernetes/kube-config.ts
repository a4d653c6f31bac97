import { KubeConfig } from '@kubernetes/client-node';
import { failure, quoted } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';

/** Which cluster, and as whom: a kubeconfig file, or without one the service account of the Pod that we run in. */
export function loadKubeConfig(file?: string): Result<KubeConfig> {
  const config = new KubeConfig();
  try {
    if (file === undefined) config.loadFromCluster();
    else config.loadFromFile(file);
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it cannot be read';
    return unusable(`kubeconfig ${file ?? 'of this Pod'} cannot be used: ${quoted(why)}`);
  }
  const server = config.getCurrentCluster()?.server;
  if (server === undefined || !URL.canParse(server)) {
    return unusable(
      file === undefined
        ? 'this is not a Pod of a cluster: name a cluster with --kubeconfig, or policies with --policies'
        : `kubeconfig ${file} has no current context with a cluster: set one with kubectl config use-context`,
    );
  }
  return ok(config);
}

/** As kubectl finds it: the file, else what KUBECONFIG names, else ~/.kube/config, else the Pod that we run in. */
export function loadKubeConfigAsKubectl(file?: string): Result<KubeConfig> {
  if (file !== undefined) return loadKubeConfig(file);
  const config = new KubeConfig();
  try {
    config.loadFromDefault();
  } catch (error) {
    return unusable(`the kubeconfig cannot be used: ${quoted(error instanceof Error ? error.message : 'unknown')}`);
  }
  // What the client library falls back to is nobody's cluster.
  return config.getCurrentCluster()?.server === 'http://localhost:8080'
    ? unusable('there is no kubeconfig: name one with --kubeconfig, or set KUBECONFIG')
    : ok(config);
}

function unusable(message: string): Result<never> {
  return fail(failure('CLUSTER_UNAVAILABLE', message));
}
