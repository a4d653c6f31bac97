/**
 * A node without a kubelet: Pods that the scheduler binds to it run for a while and succeed, in their status alone, and what
 * they have printed is served as a kubelet would.
 */
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { PatchStrategy, setHeaderOptions, Watch, type V1Pod } from '@kubernetes/client-node';
import { issueServing, makeAuthority } from '../../src/adapters/certificates/authority.ts';
import type { Api } from '../cluster/gate/api.ts';

export interface FakeNode {
  /** Pods that have succeeded so far. */
  succeeded(): number;
  close(): Promise<void>;
}

const nodeName = 'bench';
/** What actions take, beside which everything else is overhead. */
const runsMs = 300;
const heartbeatMs = 10_000;
const printed = '{"done":true}\n';
/** How Tekton's entrypoint hands on a result. pkg/result of Tekton */
const result = JSON.stringify([{ key: 'outputs', value: printed.trim(), type: 1 }]);

export async function startFakeNode(api: Api): Promise<FakeNode> {
  const logs = await serveLogs();
  const stopped = new AbortController();
  // Server.address() is an AddressInfo for what listens on a port.
  await register(api, (logs.address() as AddressInfo).port);
  const heart = beat(api, stopped.signal);
  const begun = new Set<string>();
  let succeeded = 0;
  const take = (_type: string, pod: V1Pod): void => {
    const uid = pod.metadata?.uid ?? '';
    if (pod.spec?.nodeName !== nodeName || pod.status?.phase !== 'Pending' || begun.has(uid)) return;
    begun.add(uid);
    void run(api, pod).then((isDone) => (succeeded += Number(isDone)));
  };
  const watch = async (): Promise<void> => {
    if (stopped.signal.aborted) return;
    const abort = await new Watch(api.config).watch('/api/v1/pods', {}, take, () => void watch());
    stopped.signal.addEventListener('abort', () => abort.abort(), { once: true });
  };
  await watch();
  return {
    succeeded: () => succeeded,
    close: async () => {
      stopped.abort();
      await heart;
      await api.core.deleteNode({ name: nodeName });
      logs.closeAllConnections();
      await new Promise((resolve) => logs.close(resolve));
    },
  };
}

async function serveLogs(): Promise<Server> {
  const now = new Date();
  const { cert, key } = await issueServing(await makeAuthority(now), ['127.0.0.1'], now);
  const server = createServer({ cert, key }, (_request, answer) => answer.end(printed));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return server;
}

async function register(api: Api, port: number): Promise<void> {
  const room = { cpu: '10k', memory: '10Ti', pods: '10k', 'ephemeral-storage': '10Ti' };
  const ready = { type: 'Ready', status: 'True', reason: 'Bench', message: '', lastHeartbeatTime: new Date() };
  await api.core.createNode({
    body: {
      metadata: { name: nodeName, labels: { 'kubernetes.io/os': 'linux', 'kubernetes.io/hostname': nodeName } },
      status: {
        capacity: room,
        allocatable: room,
        conditions: [{ ...ready, lastTransitionTime: new Date() }],
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        daemonEndpoints: { kubeletEndpoint: { Port: port } },
      },
    },
  });
}

/** Without it Pods are taken away after some minutes. */
async function beat(api: Api, signal: AbortSignal): Promise<void> {
  const lease = (): Parameters<Api['apply']>[0] => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: nodeName, namespace: 'kube-node-lease' },
    spec: {
      holderIdentity: nodeName,
      leaseDurationSeconds: 40,
      renewTime: new Date().toISOString().replace('Z', '000Z'),
    },
  });
  while (!signal.aborted) {
    await api.apply(lease());
    await sleep(heartbeatMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Whether it was there until its end. */
async function run(api: Api, pod: V1Pod): Promise<boolean> {
  const startedAt = new Date();
  await tell(api, pod, {
    phase: 'Running',
    startTime: startedAt,
    conditions: conditions('True'),
    containerStatuses: statuses(pod, () => ({ running: { startedAt } })),
  });
  await sleep(runsMs);
  const ended = { exitCode: 0, reason: 'Completed', startedAt, finishedAt: new Date() };
  const ofStep = { terminated: { ...ended, message: result } };
  return tell(api, pod, {
    phase: 'Succeeded',
    conditions: conditions('False'),
    containerStatuses: statuses(pod, (name) => (name.startsWith('step-') ? ofStep : { terminated: ended })),
  });
}

function conditions(ready: 'True' | 'False'): readonly object[] {
  return ['PodScheduled', 'Initialized', 'Ready', 'ContainersReady'].map((type) => ({
    type,
    status: type === 'PodScheduled' || type === 'Initialized' ? 'True' : ready,
    lastTransitionTime: new Date(),
  }));
}

function statuses({ spec }: V1Pod, stateOf: (name: string) => object): readonly object[] {
  return (spec?.containers ?? []).map(({ name, image = '' }) => {
    const state = stateOf(name);
    const isRunning = 'running' in state;
    return { name, image, imageID: image, ready: isRunning, started: isRunning, restartCount: 0, state };
  });
}

/** What was removed meanwhile needs no status. */
async function tell(api: Api, { metadata }: V1Pod, status: object): Promise<boolean> {
  const { name = '', namespace = '' } = metadata ?? {};
  const options = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
  const told = api.core.patchNamespacedPodStatus({ name, namespace, body: { status } }, options);
  return told.then(
    () => true,
    () => false,
  );
}
