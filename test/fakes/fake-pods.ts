/** What scheduler and kubelet write about Pods that no Job has made, as Kubernetes 1.35 writes it. */
import { defined } from '../../src/kernel/defined.ts';
import type { Kind, KubeObject } from '../../src/kernel/kube-object.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import type { FakeCluster } from './fake-cluster.ts';
import type { Outcome, Place } from './fake-kubelet.ts';

const podKind: Kind = { apiVersion: 'v1', kind: 'Pod', plural: 'pods' };

export interface FakePods {
  /** Of all namespaces. */
  all(): readonly KubeObject[];
  run(pod: Place): void;
  finish(pod: Place, outcome?: Outcome): void;
  /** All its containers wait for this. */
  wait(pod: Place, reason: string, message: string): void;
  /** A volume cannot be had: its node only tells it in an event. */
  withoutVolume(pod: Place, message: string): void;
  unschedulable(pod: Place, message: string): void;
  failInit(pod: Place, container: string, message: string): void;
  evict(pod: Place): void;
  /** As `kubectl delete` does it, with nothing left to wait for. */
  remove(pod: Place): void;
  /** As `kubectl delete` does it, and the kubelet does not answer. */
  terminate(pod: Place): void;
}

export function fakePods(cluster: FakeCluster, now: () => number): FakePods {
  const time = (): string => new Date(now()).toISOString().replace(/\.\d+Z$/, 'Z');

  function podAt({ namespace, name }: Place): KubeObject {
    const pod = cluster.all(podKind).find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
    if (pod === undefined) throw new Error(`there is no Pod ${namespace}/${name}`);
    return pod;
  }

  function setStatus(place: Place, status: object): void {
    const before = asRecord(podAt(place)['status']);
    cluster.setStatus({ kind: podKind, ...place }, { ...before, ...status });
  }

  function statuses(place: Place, member: 'containers' | 'initContainers', state: object): readonly object[] {
    const listed = asRecord(podAt(place)['spec'])?.[member];
    return (Array.isArray(listed) ? listed : []).map((container: unknown) => {
      const { name, image } = asRecord(container) ?? {};
      return { name, image, imageID: '', ready: false, restartCount: 0, state };
    });
  }

  const initDone = (place: Place): readonly object[] =>
    statuses(place, 'initContainers', { terminated: { exitCode: 0, reason: 'Completed' } });

  return {
    all: () => cluster.all(podKind),
    run(place) {
      setStatus(place, {
        phase: 'Running',
        startTime: time(),
        initContainerStatuses: initDone(place),
        containerStatuses: statuses(place, 'containers', { running: { startedAt: time() } }),
      });
    },
    finish(place, { exitCode = 0, log = '', reason = exitCode === 0 ? 'Completed' : 'Error' } = {}) {
      cluster.setLog(place, log);
      const { startTime = time() } = asRecord(podAt(place)['status']) ?? {};
      const terminated = { exitCode, reason, startedAt: startTime, finishedAt: time() };
      setStatus(place, {
        phase: exitCode === 0 ? 'Succeeded' : 'Failed',
        startTime,
        initContainerStatuses: initDone(place),
        containerStatuses: statuses(place, 'containers', { terminated }),
      });
    },
    wait(place, reason, message) {
      const containerStatuses = statuses(place, 'containers', { waiting: { reason, message } });
      setStatus(place, { phase: 'Pending', containerStatuses });
    },
    withoutVolume(place, message) {
      const containerStatuses = statuses(place, 'containers', { waiting: { reason: 'PodInitializing' } });
      const initContainerStatuses = statuses(place, 'initContainers', { waiting: { reason: 'PodInitializing' } });
      const conditions = [{ type: 'PodScheduled', status: 'True' }];
      setStatus(place, { phase: 'Pending', startTime: time(), conditions, initContainerStatuses, containerStatuses });
      cluster.warn({ kind: podKind, ...place }, { reason: 'FailedMount', message });
    },
    unschedulable(place, message) {
      const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }];
      setStatus(place, { phase: 'Pending', conditions });
    },
    failInit(place, container, message) {
      const terminated = { exitCode: 128, reason: 'Error', message, finishedAt: time() };
      setStatus(place, {
        phase: 'Failed',
        initContainerStatuses: [{ name: container, state: { terminated } }],
        containerStatuses: statuses(place, 'containers', { waiting: { reason: 'PodInitializing' } }),
      });
    },
    evict(place) {
      const message = 'The node was low on resource: memory.';
      const conditions = [{ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message }];
      const terminated = { exitCode: 137, reason: 'Error', finishedAt: time() };
      const containerStatuses = statuses(place, 'containers', { terminated });
      setStatus(place, { phase: 'Failed', reason: 'Evicted', message, conditions, containerStatuses });
    },
    remove(place) {
      cluster.drop({ kind: podKind, ...place });
    },
    terminate(place) {
      const { metadata, ...rest } = podAt(place);
      cluster.put({ ...rest, metadata: { ...metadata, ...defined('finalizers', ['example.com/kubelet']) } });
      cluster.drop({ kind: podKind, ...place });
    },
  };
}
