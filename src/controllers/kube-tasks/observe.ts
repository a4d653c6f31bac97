/** What the cluster has of a Task of KubeTask: its Job, whoever has made it, and the Pod in it. */
import { agentKinds } from '../../agents/kinds.ts';
import { kubeTaskJobName, type TaskIdentity } from '../../agents/kube-task-names.ts';
import { names, type TaskStatus } from '../../agents/model.ts';
import { defined } from '../../kernel/defined.ts';
import type { KubeObject } from '../../kernel/kube-object.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import { isControlledBy } from '../../workflow/controller-reference.ts';
import { isMounting } from '../../workflow/mount-trouble.ts';
import { Seen } from '../../workflow/seen.ts';
import { readJob, type AttemptJob } from '../actions/observe.ts';

export interface TaskJob extends AttemptJob {
  /** Of all its containers. */
  readonly images: readonly string[];
  /** Its end is not said yet, and no Pod of it has ended for good: something of it may still run. */
  readonly runsOn: boolean;
  readonly seenPod?: SeenPod;
}

export interface SeenPod {
  readonly uid: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** It is to be gone by then. ISO 8601 */
  readonly deletedAt?: string;
  /** It has a node, and its volumes are not mounted yet, as far as that is said. */
  readonly isMounting: boolean;
}

/** `found`: ours too, though nobody has told us of it yet. A Job under another name counts if it is the Task's. */
export function jobOf(
  objects: ClusterObjects,
  task: TaskIdentity,
  { jobName = kubeTaskJobName(task) }: Pick<TaskStatus, 'jobName'>,
  found: KubeObject | undefined,
): TaskJob | undefined {
  const { namespace, uid } = task;
  const named = objects.get({ kind: agentKinds.job, namespace, name: jobName });
  const isOurs = named !== undefined && isControlledBy(named, uid);
  const job = isOurs ? named : (objects.ownedBy(agentKinds.job, uid, namespace)[0] ?? found);
  return job === undefined ? undefined : readTaskJob(objects, job);
}

function readTaskJob(objects: ClusterObjects, job: KubeObject): TaskJob {
  const { uid, namespace = '' } = job.metadata;
  const attempt = readJob(objects, job, [names.agentContainer]);
  const pod = objects
    .ownedBy(agentKinds.pod, uid, namespace)
    .find(({ metadata }) => metadata.name === attempt.pod?.name);
  const end = attempt.end ?? endByCount(job);
  return {
    ...attempt,
    ...defined('end', end),
    images: imagesOf(job),
    runsOn: attempt.end === undefined && mayRunOn(job),
    ...defined('seenPod', pod && seenPod(pod)),
  };
}

/** Conditions come after the counts, or not at all where somebody simulates Jobs. */
function endByCount(job: KubeObject): AttemptJob['end'] {
  const status = new Seen(job['status']);
  const at = status.text('completionTime') ?? '';
  if ((status.number('succeeded') ?? 0) > 0) return { kind: 'complete', at, reason: '', message: '' };
  if ((status.number('failed') ?? 0) === 0) return undefined;
  const target = status
    .list('conditions')
    .find((one) => one.text('type') === 'FailureTarget' && one.text('status') === 'True');
  const [reason, message] = [target?.text('reason') ?? '', target?.text('message') ?? ''];
  return { kind: 'failed', at, reason, message };
}

/** Jobs of another controller may try again, though their Task has failed with its first Pod. */
function mayRunOn(job: KubeObject): boolean {
  const { kind } = endByCount(job) ?? {};
  const retries = new Seen(job['spec']).number('backoffLimit');
  return kind === undefined || (kind === 'failed' && retries !== 0);
}

function imagesOf(job: KubeObject): readonly string[] {
  const spec = new Seen(new Seen(new Seen(job['spec']).raw('template')).raw('spec'));
  const containers = [...spec.list('containers'), ...spec.list('initContainers')];
  return containers.flatMap((container) => container.text('image') ?? []);
}

function seenPod(pod: KubeObject): SeenPod {
  const { uid, creationTimestamp = '', deletionTimestamp } = pod.metadata;
  return {
    uid,
    createdAt: creationTimestamp,
    ...defined('deletedAt', deletionTimestamp),
    isMounting: isMounting(pod),
  };
}
