/** What the cluster has of an action: the Jobs that were made for it, and how they fare. */
import { defined } from '../../kernel/defined.ts';
import type { KubeObject } from '../../kernel/kube-object.ts';
import { asRecord } from '../../kernel/strict-json.ts';
import type { ClusterObjects } from '../../ports/cluster-objects.ts';
import { kinds } from '../../workflow/kinds.ts';
import { troubleOfPod, type PodTrouble } from '../../workflow/pod-trouble.ts';

/** batch/v1 Job, as far as it says how an attempt goes. */
export interface AttemptJob {
  readonly name: string;
  readonly uid: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly isDeleted: boolean;
  /** By digest, as it runs. */
  readonly image?: string;
  readonly serviceAccount?: string;
  readonly ttlSeconds?: number;
  readonly timeoutMs?: number;
  /** Absent: it is not finished. */
  readonly end?: JobEnd;
  /** Absent: it has none, or none any more. */
  readonly pod?: PodTrouble;
}

export interface JobEnd {
  readonly kind: 'complete' | 'failed';
  readonly at: string;
  readonly reason: string;
  readonly message: string;
}

/** `found`: ours too, though nobody has told us of it yet. */
export function jobsOf(
  objects: ClusterObjects,
  { uid, namespace = '' }: KubeObject['metadata'],
  found: readonly KubeObject[],
): readonly AttemptJob[] {
  const watched = objects.ownedBy(kinds.job, uid, namespace);
  const known = new Set(watched.map(({ metadata }) => metadata.uid));
  return [...watched, ...found.filter(({ metadata }) => !known.has(metadata.uid))].map((job) => readJob(objects, job));
}

/** `worker`: names of the container that counts; absent: those of actions. */
export function readJob(objects: ClusterObjects, job: KubeObject, worker?: readonly string[]): AttemptJob {
  const { name, namespace = '', uid, creationTimestamp = '', deletionTimestamp } = job.metadata;
  const spec = asRecord(job['spec']);
  const podSpec = asRecord(asRecord(spec?.['template'])?.['spec']);
  const containers = podSpec?.['containers'];
  const container = asRecord(Array.isArray(containers) ? containers[0] : undefined);
  const pods = objects.ownedBy(kinds.pod, uid, namespace).toSorted(byAge);
  return {
    name,
    uid,
    createdAt: creationTimestamp,
    isDeleted: deletionTimestamp !== undefined,
    ...defined('image', text(container?.['image'])),
    ...defined('serviceAccount', text(podSpec?.['serviceAccountName'])),
    ...defined('ttlSeconds', count(spec?.['ttlSecondsAfterFinished'])),
    ...defined('timeoutMs', milliseconds(count(spec?.['activeDeadlineSeconds']))),
    ...defined('end', endOf(asRecord(job['status']))),
    ...defined('pod', pods.length === 0 ? undefined : troubleOfPod(pods.at(-1), worker)),
  };
}

function byAge(one: KubeObject, other: KubeObject): number {
  return ageOf(one) < ageOf(other) ? -1 : Number(ageOf(one) > ageOf(other));
}

function ageOf({ metadata: { creationTimestamp = '', name } }: KubeObject): string {
  return `${creationTimestamp} ${name}`;
}

const ends = { Complete: 'complete', Failed: 'failed' } as const;

/** Conditions that come before these say what will be; then all Pods have ended. KEP-3998 */
function endOf(status: Readonly<Record<string, unknown>> = {}): JobEnd | undefined {
  const conditions: readonly unknown[] = Array.isArray(status['conditions']) ? status['conditions'] : [];
  for (const given of conditions) {
    const { type, status: value, reason, message, lastTransitionTime } = asRecord(given) ?? {};
    if (value !== 'True' || (type !== 'Complete' && type !== 'Failed')) continue;
    const at = text(status['completionTime']) ?? text(lastTransitionTime) ?? '';
    return { kind: ends[type], at, reason: text(reason) ?? '', message: text(message) ?? '' };
  }
  return undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1_000;
}
