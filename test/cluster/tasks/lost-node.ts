/** A node that is there for the scheduler, says that its Pods run, and then is gone for good. */
import { PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';
import type { Api } from '../gate/api.ts';

export interface LostNode {
  /** For Pods that are to be on it. */
  readonly scheduling: object;
  /** Whether this Pod was bound to it; from then on it says that it runs. */
  runs(pod: string, namespace: string): Promise<boolean>;
  /** As a machine that is taken away: the cloud's controller removes its Node. */
  lose(): Promise<void>;
  close(): Promise<void>;
}

const name = 'soon-lost';
const label = { 'test.countersign.dev/node': name };

export async function startLostNode(api: Api): Promise<LostNode> {
  const now = new Date();
  const room = { cpu: '100', memory: '100Gi', pods: '100', 'ephemeral-storage': '100Gi' };
  const ready = {
    type: 'Ready',
    status: 'True',
    reason: 'Test',
    message: '',
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  };
  // Nothing but what tolerates everything comes here.
  const taints = [{ key: 'test.countersign.dev/lost', effect: 'NoSchedule' }];
  const metadata = { name, labels: { 'kubernetes.io/os': 'linux', ...label } };
  await api.core.createNode({ body: { metadata, spec: { taints } } });
  await api.core.patchNodeStatus(
    { name, body: { status: { capacity: room, allocatable: room, conditions: [ready] } } },
    setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
  );
  const lose = async (): Promise<void> => {
    await api.core.deleteNode({ name }).catch(() => undefined);
  };
  return {
    scheduling: {
      nodeSelector: label,
      tolerations: [{ operator: 'Exists' }],
    },
    async runs(pod, namespace) {
      const found = await api.core.readNamespacedPod({ name: pod, namespace });
      if (found.spec?.nodeName !== name) return false;
      const containers = found.spec.containers.map((container) => ({
        name: container.name,
        image: container.image ?? '',
        imageID: '',
        ready: true,
        restartCount: 0,
        state: { running: { startedAt: new Date() } },
      }));
      await api.core.patchNamespacedPodStatus(
        { name: pod, namespace, body: { status: { phase: 'Running', containerStatuses: containers } } },
        setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
      );
      return true;
    },
    lose,
    close: lose,
  };
}
