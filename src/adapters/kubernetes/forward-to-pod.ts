/** What `kubectl port-forward` does: a port of this machine's loopback that leads to a port of a Pod, for one command. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { CoreV1Api, PortForward, type KubeConfig, type V1Pod } from '@kubernetes/client-node';
import { failure } from '../../kernel/failure.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { boundedCall, usualLimits } from './bounded-call.ts';

export interface ForwardSettings {
  readonly namespace: string;
  readonly labelSelector: string;
  readonly port: number;
}

export interface Forwarded {
  readonly baseUrl: string;
  close(): Promise<void>;
}

/** To any Pod that is ready; to one that is not when there is no other. */
export async function forwardToPod(kubeConfig: KubeConfig, settings: ForwardSettings): Promise<Result<Forwarded>> {
  const { namespace, labelSelector, port } = settings;
  const api = kubeConfig.makeApiClient(CoreV1Api);
  const pods = await boundedCall(`list pods in ${namespace}`, usualLimits, (options) =>
    api.listNamespacedPod({ namespace, labelSelector }, options),
  );
  if (!pods.ok) return pods;
  const running = pods.value.items.filter(({ status }) => status?.phase === 'Running');
  const name = (running.find(isReady) ?? running[0])?.metadata?.name;
  if (name === undefined)
    return fail(failure('CLUSTER_UNAVAILABLE', `no Pod with ${labelSelector} runs in ${namespace}`, 5));
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
    new PortForward(kubeConfig)
      .portForward(namespace, name, [port], socket, null, socket)
      .then((connection) => {
        const open = typeof connection === 'function' ? connection() : connection;
        socket.on('close', () => open?.close());
      })
      .catch(() => socket.destroy());
  });
  const listening = await listen(server);
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return ok({ baseUrl: `http://127.0.0.1:${listening}`, close });
}

function isReady({ status }: V1Pod): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
  // Listening on TCP, so the address is not a path.
  return (server.address() as AddressInfo).port;
}
