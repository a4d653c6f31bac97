/**
 * What Job controller, scheduler and kubelet write, step by step, as Kubernetes 1.35 writes it: a test says what happens, and the
 * objects then look as they would. Jobs here have one Pod (backoffLimit 0), as ours do.
 */
import type { Kind, KubeObject, NewObject, ObjectPlace } from '../../src/kernel/kube-object.ts';
import { defined } from '../../src/kernel/defined.ts';
import { asRecord } from '../../src/kernel/strict-json.ts';
import { isControlledBy, type FakeCluster } from './fake-cluster.ts';

const jobKind: Kind = { apiVersion: 'batch/v1', kind: 'Job', plural: 'jobs' };
const podKind: Kind = { apiVersion: 'v1', kind: 'Pod', plural: 'pods' };

export interface Place {
  readonly namespace: string;
  readonly name: string;
}

export interface Outcome {
  readonly exitCode?: number;
  readonly log?: string;
  /** Of the container, e.g. OOMKilled; absent: Completed or Error. */
  readonly reason?: string;
}

export interface FakeKubelet {
  /** Every unfinished Job without a Pod gets one, Pending; gives those Jobs. */
  startJobs(): readonly KubeObject[];
  podOf(job: Place): KubeObject | undefined;
  /** The Pod's container waits, e.g. ImagePullBackOff, CreateContainerConfigError. */
  wait(job: Place, reason: string, message: string): void;
  /** The scheduler finds no node. */
  unschedulable(job: Place, message: string): void;
  /** The Pod is Running. */
  run(job: Place): void;
  /** The container ends, then the Pod, then the Job: Complete, or Failed with BackoffLimitExceeded. */
  finish(job: Place, outcome?: Outcome): void;
  /** activeDeadlineSeconds is over: the Pod is deleted, the Job is Failed with DeadlineExceeded. */
  deadline(job: Place): void;
  /** The node was short of something: Pod Failed with reason Evicted, Job Failed by its podFailurePolicy if it has one. */
  evict(job: Place, message?: string): void;
  /** One round for everybody: Pods for new Jobs, what was Pending runs, what ran is finished as `outcome` says. */
  step(outcome?: (job: KubeObject) => Outcome | undefined): void;
}

/** `now` in milliseconds, as the cluster's. */
export function fakeKubelet(cluster: FakeCluster, now: () => number = () => Date.now()): FakeKubelet {
  const time = (): string => new Date(now()).toISOString().replace(/\.\d+Z$/, 'Z');

  const jobAt = ({ namespace, name }: Place): KubeObject => {
    const job = cluster.all(jobKind).find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
    if (job === undefined) throw new Error(`there is no Job ${namespace}/${name}`);
    return job;
  };
  const podsOf = (job: KubeObject): readonly KubeObject[] =>
    cluster.all(podKind).filter((pod) => isControlledBy(pod, job.metadata.uid));
  const podOf = (job: Place): KubeObject | undefined => podsOf(jobAt(job))[0];
  const startedPod = (job: Place): KubeObject => podOf(job) ?? startJob(jobAt(job));

  function startJob(job: KubeObject): KubeObject {
    const { name, namespace, uid } = job.metadata;
    const template = asRecord(asRecord(job['spec'])?.['template']);
    const metadata = asRecord(template?.['metadata']);
    const labels = {
      'batch.kubernetes.io/job-name': name,
      'job-name': name,
      'batch.kubernetes.io/controller-uid': uid,
    };
    const owner = { apiVersion: jobKind.apiVersion, kind: jobKind.kind, name, uid, controller: true };
    const pod: NewObject = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: `${name}-${uid.slice(-5)}`,
        ...defined('namespace', namespace),
        labels: { ...texts(metadata?.['labels']), ...labels },
        annotations: texts(metadata?.['annotations']),
        ownerReferences: [{ ...owner, blockOwnerDeletion: true }],
      },
      spec: asRecord(template?.['spec']) ?? {},
      status: { phase: 'Pending', conditions: [condition('PodScheduled', 'True')] },
    };
    const put = cluster.put(pod);
    cluster.setStatus(placeOf(jobKind, job), { active: 1, ready: 0, terminating: 0, startTime: time() });
    return put;
  }

  function condition(type: string, status: string, reason?: string, message?: string): object {
    const when = { lastProbeTime: null, lastTransitionTime: time() };
    return { type, status, ...when, ...defined('reason', reason), ...defined('message', message) };
  }

  function setPod(pod: KubeObject, status: object): void {
    cluster.setStatus(placeOf(podKind, pod), { ...asRecord(pod['status']), ...status });
  }

  function containers(pod: KubeObject, state: object, more: object = {}): readonly object[] {
    const listed = asRecord(pod['spec'])?.['containers'];
    return (Array.isArray(listed) ? listed : []).map((container: unknown) => {
      const { name, image } = asRecord(container) ?? {};
      return { name, image, imageID: image, ready: false, restartCount: 0, state, ...more };
    });
  }

  /** Job conditions come in pairs: what has been found, then that all Pods have ended. KEP-3998, KEP-4368 */
  function endJob(job: Place, first: string, last: string, reason: string, message: string): void {
    const conditions = [condition(first, 'True', reason, message), condition(last, 'True', reason, message)];
    const isComplete = last === 'Complete';
    const counts = isComplete ? { succeeded: 1, completionTime: time() } : { failed: 1 };
    const { startTime } = asRecord(jobAt(job)['status']) ?? {};
    cluster.setStatus(placeOf(jobKind, jobAt(job)), { startTime, conditions, ready: 0, terminating: 0, ...counts });
  }

  function isUnfinished(job: KubeObject): boolean {
    const conditions = asRecord(job['status'])?.['conditions'];
    const types = (Array.isArray(conditions) ? conditions : []).map((one: unknown) => asRecord(one)?.['type']);
    return !types.includes('Complete') && !types.includes('Failed');
  }

  const kubelet: FakeKubelet = {
    podOf,
    startJobs() {
      const waiting = cluster
        .all(jobKind)
        .filter((job) => isUnfinished(job) && asRecord(job['spec'])?.['suspend'] !== true && podsOf(job).length === 0);
      for (const job of waiting) startJob(job);
      return waiting;
    },
    wait(job, reason, message) {
      const pod = startedPod(job);
      const containerStatuses = containers(pod, { waiting: { reason, message } }, { imageID: '', started: false });
      setPod(pod, { phase: 'Pending', containerStatuses });
    },
    unschedulable(job, message) {
      setPod(startedPod(job), {
        phase: 'Pending',
        conditions: [condition('PodScheduled', 'False', 'Unschedulable', message)],
      });
    },
    run(job) {
      const pod = startedPod(job);
      const containerStatuses = containers(pod, { running: { startedAt: time() } }, { ready: true, started: true });
      setPod(pod, { phase: 'Running', startTime: time(), containerStatuses });
    },
    finish(job, { exitCode = 0, log = '', reason = exitCode === 0 ? 'Completed' : 'Error' } = {}) {
      const pod = startedPod(job);
      const { name, namespace = '' } = pod.metadata;
      cluster.setLog({ namespace, name }, log);
      const { startTime = time() } = asRecord(pod['status']) ?? {};
      const terminated = { exitCode, reason, startedAt: startTime, finishedAt: time() };
      const containerStatuses = containers(pod, { terminated }, { started: false });
      setPod(pod, { phase: exitCode === 0 ? 'Succeeded' : 'Failed', startTime, containerStatuses });
      if (exitCode === 0)
        endJob(
          job,
          'SuccessCriteriaMet',
          'Complete',
          'CompletionsReached',
          'Reached expected number of succeeded pods',
        );
      else
        endJob(job, 'FailureTarget', 'Failed', 'BackoffLimitExceeded', 'Job has reached the specified backoff limit');
    },
    deadline(job) {
      const pod = podOf(job);
      if (pod !== undefined) cluster.drop(placeOf(podKind, pod));
      const message = 'Job was active longer than specified deadline';
      endJob(job, 'FailureTarget', 'Failed', 'DeadlineExceeded', message);
    },
    evict(job, message = 'The node was low on resource: memory.') {
      const pod = startedPod(job);
      const { name, namespace = '' } = pod.metadata;
      const terminated = { exitCode: 137, reason: 'Error', startedAt: time(), finishedAt: time() };
      setPod(pod, {
        phase: 'Failed',
        reason: 'Evicted',
        message,
        conditions: [condition('DisruptionTarget', 'True', 'TerminationByKubelet', message)],
        containerStatuses: containers(pod, { terminated }),
      });
      const hasPolicy = asRecord(jobAt(job)['spec'])?.['podFailurePolicy'] !== undefined;
      const byPolicy = `Pod ${namespace}/${name} has condition DisruptionTarget matching FailJob rule at index 0`;
      if (hasPolicy) endJob(job, 'FailureTarget', 'Failed', 'PodFailurePolicy', byPolicy);
      else
        endJob(job, 'FailureTarget', 'Failed', 'BackoffLimitExceeded', 'Job has reached the specified backoff limit');
    },
    step(outcome = () => ({})) {
      const before = cluster.all(jobKind).filter(isUnfinished);
      for (const job of before) {
        const place = { namespace: job.metadata.namespace ?? '', name: job.metadata.name };
        const pod = podOf(place);
        const phase = asRecord(pod?.['status'])?.['phase'];
        if (phase === 'Pending') kubelet.run(place);
        if (phase !== 'Running') continue;
        const ends = outcome(job);
        if (ends !== undefined) kubelet.finish(place, ends);
      }
      kubelet.startJobs();
    },
  };
  return kubelet;
}

function placeOf(kind: Kind, { metadata: { namespace, name } }: KubeObject): ObjectPlace {
  return { kind, ...defined('namespace', namespace), name };
}

function texts(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(asRecord(value) ?? {});
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
